// A test whose program prints a secret fails.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";
import { test } from "vitest";

test.fails("a secret that a program prints fails its test", async () => {
  await promisify(execFile)(process.execPath, ["-e", "console.error('admin-pw')"]);
});

test.fails("a secret that a program prints in two parts fails its test", async () => {
  const program = "process.stdout.write('admin', () => setTimeout(() => process.stdout.write('-pw'), 50))";
  await once(spawn(process.execPath, ["-e", program]), "close");
});
