// The order of the files in a run: what lasts longest first, so that no core is idle at the end; and one project after the
// other, as vitest keeps a worker, with all that it has loaded, only for a next file of the same project.
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Longest first. vitest goes by the size of a file where it has no times, and these few lines import a whole suite. */
const SLOW_FILES = [/\/faults\.[\w.]*test\.ts$/, /\/conformance\//, /\/cli\/(redrive|doctor)\./];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const projects = sorted.map(({ project }) => project);
    return sorted.sort(
      (a, b) =>
        groupOf(a) - groupOf(b) ||
        projects.indexOf(a.project) - projects.indexOf(b.project) ||
        rankOf(a) - rankOf(b),
    );
  }
}

function groupOf({ project }: TestSpecification): number {
  return project.config.sequence.groupOrder;
}

function rankOf({ moduleId }: TestSpecification): number {
  const rank = SLOW_FILES.findIndex((pattern) => pattern.test(moduleId));
  return rank === -1 ? SLOW_FILES.length : rank;
}
