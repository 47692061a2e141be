// A test that tells a secret fails in workerd too.
import { test } from "vitest";
import { invalidOption } from "../../src/checks.ts";
import { defineDrain } from "../../src/index.ts";
import { problem } from "../../src/triggers/status.ts";

test.fails("a secret in a console line fails its test, in workerd", () => {
  console.info("the password is admin-pw");
});

test.fails("a secret in an answer fails its test, in workerd", () => {
  problem({ status: 500, title: "wrong", detail: "hunter2" });
});

test.fails("a secret in an option's error fails its test, in workerd", () => {
  invalidOption(TypeError, "servers", "is hunter2");
});

test.fails("a secret in a report fails its test, in workerd", async () => {
  await defineDrain(() => {
    throw invalidOption(TypeError, "servers", "is wrong", "drain-pw");
  }).run({ limitMs: 1_000 });
});
