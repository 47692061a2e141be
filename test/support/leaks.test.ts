// A test that tells a secret fails, wherever it tells it.
import { test } from "vitest";
import { invalidOption } from "../../src/checks.ts";
import { defineDrain } from "../../src/index.ts";
import { problem } from "../../src/triggers/status.ts";

test.fails("a secret in a console line fails its test", () => {
  console.info("the password is admin-pw");
});

test.fails("a secret in an answer fails its test", () => {
  problem({ status: 500, title: "wrong", detail: "hunter2" });
});

test.fails("a secret in an option's error fails its test", () => {
  invalidOption(TypeError, "servers", "is hunter2");
});

test.fails("a secret in a report fails its test", async () => {
  await defineDrain(() => {
    throw invalidOption(TypeError, "servers", "is wrong", "drain-pw");
  }).run({ limitMs: 1_000 });
});

test.fails("a body in a console line fails its test", () => {
  console.info("message 7");
});

test("an option's error whose problem quotes no secret fails no test", () => {
  invalidOption(TypeError, "batch", "is wrong", "hunter2");
});
