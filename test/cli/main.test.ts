// The command line: what each wrong argument is answered with, and that help and version are plain output.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

async function sluice(...args: string[]): Promise<{ code: unknown; stdout: string; stderr: string }> {
  return await new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], (error, stdout, stderr) => {
      resolve({ code: error?.code ?? 0, stdout, stderr });
    });
  });
}

describe("a wrong command line", () => {
  const table: [args: string[], line: string][] = [
    [["strat"], "sluice: Unknown command 'strat'; see sluice --help"],
    [["--once"], "sluice: Unknown option '--once'; see sluice --help"],
    [["constructor"], "sluice: Unknown command 'constructor'; see sluice --help"],
    [["start", "--onec"], "sluice: Unknown option '--onec'; see sluice start --help"],
    [["start", "now"], "sluice: Unexpected argument 'now'; see sluice start --help"],
    [["start", "--once=1"], "sluice: Option '--once' does not take an argument; see sluice start --help"],
    [["start", "--port"], "sluice: Option '--port <value>' argument missing; see sluice start --help"],
    [
      ["start", "--port", "0"],
      "sluice: --port must be a number from 1 to 65535, not '0'; see sluice start --help",
    ],
    [
      ["start", "--port", "80a"],
      "sluice: --port must be a number from 1 to 65535, not '80a'; see sluice start --help",
    ],
  ];
  it.each(table)("%j is named in one line, with exit code 64", async (args, line) => {
    expect(await sluice(...args)).toEqual({ code: 64, stdout: "", stderr: `${line}\n` });
  });

  it("without a command is answered with the help", async () => {
    expect(await sluice()).toEqual({
      code: 64,
      stdout: "",
      stderr: expect.stringContaining("Usage: sluice <command>"),
    });
  });
});

describe("what goes to stdout, with exit code 0", () => {
  const table: [args: string[], text: RegExp][] = [
    [["--help"], /^Usage: sluice <command> \[options\]\n\nCommands:\n {2}start +\S/],
    [
      ["start", "--help"],
      /^Usage: sluice start \[options\]\n[\s\S]* {2}--once {9}\S[\s\S]* {2}--port <port> {2}\S[\s\S]* {2}--help/,
    ],
    [["--version"], /^\d+\.\d+\.\d+\n$/],
  ];
  it.each(table)("%j", async (args, text) => {
    expect(await sluice(...args)).toEqual({ code: 0, stdout: expect.stringMatching(text), stderr: "" });
  });
});
