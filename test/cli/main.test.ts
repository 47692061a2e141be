// The command line: what each wrong argument is answered with, and that help and version are plain output.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { sluice, sluiceProcess } from "../support/sluice.ts";

describe("a wrong command line", () => {
  const table: [args: string[], line: string | RegExp][] = [
    [["strat"], "sluice: Unknown command 'strat'; see sluice --help"],
    [["help", "strat"], "sluice: Unknown command 'strat'; see sluice --help"],
    [["--once"], "sluice: Unknown option '--once'; see sluice --help"],
    [["constructor"], "sluice: Unknown command 'constructor'; see sluice --help"],
    [["redrive", "--dyr-run"], "sluice: Unknown option '--dyr-run'; see sluice redrive --help"],
    [["redrive", "--auth=hunter2"], "sluice: Unknown option '--auth'; see sluice redrive --help"],
    [["redrive", "now"], /^sluice: .*argument.*: now; see sluice redrive --help$/],
    [["redrive", "--keep=1"], /^sluice: .*'--keep'; see sluice redrive --help$/],
    [["redrive", "--max"], "sluice: Option '--max <n>' argument missing; see sluice redrive --help"],
    [
      ["redrive", "--stream", "DLQ", "--max", "0"],
      "sluice: --max must be a whole number from 1, not '0'; see sluice redrive --help",
    ],
    [
      ["redrive", "--stream", "DLQ", "--token", "s3cret"],
      "sluice: --token is no option, as arguments are no secret: set NATS_TOKEN; see sluice redrive --help",
    ],
    [
      ["redrive", "--stream", "DLQ", "--nats-token=s3cret"],
      "sluice: Unknown option '--nats-token'; see sluice redrive --help",
    ],
  ];
  it.each(table)("%j is named in one line, with exit code 64", async (args, line) => {
    const { code, stdout, stderr } = await sluice(args);
    expect({ code, stdout }).toEqual({ code: 64, stdout: "" });
    expect(stderr).toMatch(/^[^\n]+\n$/);
    if (typeof line === "string") expect(stderr).toBe(`${line}\n`);
    else expect(stderr.trimEnd()).toMatch(line);
  });

  it("without a command is answered with the help", async () => {
    expect(await sluiceProcess([])).toEqual({
      code: 64,
      stdout: "",
      stderr: expect.stringContaining("Usage: sluice <command>"),
    });
  });
});

describe("a file that cannot be read", () => {
  const commands = [["status"], ["redrive", "--stream", "DLQ"], ["run", "drain.ts"]];
  it.each(commands)("is named with its option by sluice %s, with exit code 78", async (...command) => {
    expect(await sluiceProcess([...command, "-f", "gone.env"])).toEqual({
      code: 78,
      stdout: "",
      stderr: "sluice: --env-file: gone.env cannot be read (ENOENT)\n",
    });
  });

  it("is named with its option by sluice doctor, with exit code 78", async () => {
    expect(await sluice(["doctor", "-f", import.meta.dirname])).toEqual({
      code: 78,
      stdout: `✗ invalid-options: --env-file: ${import.meta.dirname} cannot be read (EISDIR)\n`,
      stderr: "",
    });
  });

  it("is named with its option by sluice permissions, with exit code 78", async () => {
    expect(await sluice(["permissions", "-f", "gone.env"])).toMatchObject({
      code: 78,
      stderr: "sluice: --env-file: gone.env cannot be read (ENOENT)\n",
    });
  });

  it("of --env-file is named by npm run sluice, too", async () => {
    const cwd = fileURLToPath(new URL("../../", import.meta.url));
    const args = ["run", "--silent", "sluice", "--", "doctor", "--env-file", "gone.env"];
    await expect(promisify(execFile)("npm", args, { cwd })).rejects.toMatchObject({
      code: 78,
      stdout: "✗ invalid-options: --env-file: gone.env cannot be read (ENOENT)\n",
    });
  });

  // No line at the top of a script gives Node a "--" on every system: BusyBox' env has no -S.
  it("of --env-file ends Node before the installed command starts, which is why there is -f", async () => {
    expect(await sluiceProcess(["doctor", "--env-file", "gone.env"])).toEqual({
      code: 9,
      stdout: "",
      stderr: expect.stringMatching(/^\S*node: gone\.env: not found\n$/),
    });
  });
});

describe("what goes to stdout, with exit code 0", () => {
  const table: [args: string[], text: RegExp][] = [
    [
      ["--help"],
      /^Usage: sluice <command> \[options\]\n[\s\S]*\nCommands:\n[\s\S]* {2}redrive \[options\] +\S/,
    ],
    [
      ["redrive", "--help"],
      /^Usage: sluice redrive \[options\]\n[\s\S]* {2}--max <n> +\S[\s\S]* {2}-h, --help/,
    ],
    [["--version"], /^\d+\.\d+\.\d+\n$/],
  ];
  it.each(table)("%j", async (args, text) => {
    expect(await sluiceProcess(args)).toEqual({ code: 0, stdout: expect.stringMatching(text), stderr: "" });
  });

  it.each(["run", "doctor", "permissions", "redrive", "status"])(
    "the help of %s, whose lines are as full as 80 columns allow",
    async (command) => {
      const { stdout } = await sluice([command, "--help"]);
      const [, description = ""] = stdout.split("\n\n");
      const lines = description.split("\n");
      expect(lines.length).toBeGreaterThan(2);
      for (const [at, line] of stdout.split("\n").entries())
        expect(line.length, `line ${at}`).toBeLessThan(81);
      for (const [at, next] of lines.slice(1).entries()) {
        const [word = ""] = next.split(" ");
        expect(`${lines[at]} ${word}`.length, next).toBeGreaterThan(80);
      }
    },
  );

  it("in a clone, by npm run sluice, without a build", async () => {
    const cwd = fileURLToPath(new URL("../../", import.meta.url));
    const run = promisify(execFile)("npm", ["run", "--silent", "sluice", "--", "--version"], { cwd });
    expect((await run).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
