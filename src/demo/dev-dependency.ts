// The demo's own dependencies are development ones: an installed package has neither wrangler nor the webhooks.

/**
 * Loads a development dependency, or only resolves it.
 *
 * @throws an `Error` of one line when it is not installed
 */
export async function needInstalled<T>(name: string, load: () => T | Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && cause.code === "ERR_MODULE_NOT_FOUND")) throw cause;
    throw new Error(
      `the demo needs ${name}, which is not installed: run npm install in a checkout of sluice`,
      {
        cause,
      },
    );
  }
}
