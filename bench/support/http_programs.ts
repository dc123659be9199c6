/** What is installed. */

/** Whether a program is there to be started. */
export function hasProgram(name: string): boolean {
  try {
    // Whatever it makes of the argument, it was started.
    new Deno.Command(name, { args: ["--version"], stdout: "null", stderr: "null" }).outputSync();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
