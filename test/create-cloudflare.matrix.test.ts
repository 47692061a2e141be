// `npm create cloudflare -- --template` on this repository: Cloudflare's own program makes a project of it, which deploys.
import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { parse } from "smol-toml";
import { expect, onTestFinished, vi } from "vitest";
import manifest from "../package.json" with { type: "json" };
import { fetchBy, MODULES, packages } from "./support/parts.ts";

const run = promisify(execFile);
const root = fileURLToPath(new URL("..", import.meta.url));
const creator = await packages("create-cloudflare@2.74.0");
const { test } = creator;
vi.setConfig({ testTimeout: 120_000 });

/** What git ignores, and what other tests make and remove meanwhile. */
const NOT_COPIED = /\/(node_modules|\.git|dist|\.wrangler|\.dev\.vars|test\/\.[^/]+)$/;

/** A repository with the files of this one, also where this is none, but only its files. */
async function copyOfThisRepository(folder: string): Promise<void> {
  await cp(root, folder, { recursive: true, filter: (path) => !NOT_COPIED.test(path) });
  await run("git", ["init", "--quiet"], { cwd: folder });
  await run("git", ["add", "--all"], { cwd: folder });
  const author = ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"];
  await run("git", [...author, "commit", "--quiet", "--message=All"], { cwd: folder });
}

test("the template becomes a project of another name, whose Worker bundles without a warning", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-create-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await copyOfThisRepository(join(folder, "repository"));
  const url = manifest.repository.url.replace(/^git\+|\.git$/g, "");
  const project = join(folder, "my-drain");
  const program = join(creator.folder ?? "", "node_modules/create-cloudflare/dist/cli.js");
  const no = ["deploy", "git", "open", "agents", "auto-update"].map((what) => `--no-${what}`);
  await fetchBy(process.execPath, [program, project, "--template", url, "--template-mode", "git", ...no], {
    CI: "1",
    CREATE_CLOUDFLARE_TELEMETRY_DISABLED: "1",
    // It leaves its clone there.
    TMPDIR: folder,
    // What it would install is what this checkout has installed.
    npm_config_package_lock_only: "true",
    // git takes the copy for what is on GitHub.
    GIT_CONFIG_COUNT: "1",
    GIT_CONFIG_KEY_0: `url.file://${join(folder, "repository")}.insteadOf`,
    GIT_CONFIG_VALUE_0: url.replace("https://github.com/", "git@github.com:"),
  });
  const toml = parse(await readFile(join(project, "wrangler.toml"), "utf8"));
  const own = parse(await readFile(join(root, "wrangler.toml"), "utf8"));
  expect(toml).toMatchObject({ ...own, name: "my-drain" });
  await symlink(MODULES, join(project, "node_modules"));
  const wrangler = join(MODULES, "wrangler/bin/wrangler.js");
  const { stdout, stderr } = await run(process.execPath, [wrangler, "deploy", "--dry-run"], { cwd: project });
  expect(stdout).toContain("--dry-run: exiting now.");
  expect(stdout + stderr).not.toMatch(/warning/i);
});
