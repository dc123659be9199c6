/** How the tour shows what it does. */

export const encode = (text: string) => new TextEncoder().encode(text);
export const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

let first = true;

/** Begins a section. */
export function title(text: string): void {
  console.log(`${first ? "" : "\n"}${text}\n`);
  first = false;
}

/** One line of a section. */
export function line(name: string, text: string): void {
  console.log(`  ${name.padEnd(11)} ${text}`);
}

/** How long something took that began at `since`. */
export function ms(since: number): string {
  return `${(performance.now() - since).toFixed(2)} ms`.padStart(9);
}

/** Shows what a user would see, whether it works or not. */
export async function show(name: string, attempt: () => Promise<unknown>): Promise<void> {
  const start = performance.now();
  try {
    await attempt();
  } catch (error) {
    const { name: kind, message } = error as Error;
    line(name, `after ${ms(start)}: ${kind}: ${message}`);
  }
}
