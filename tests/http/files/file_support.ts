/** A directory for one test, and requests for what is in it. */
import { assertEquals } from "@std/assert";

/** Long enough ago for strong validators. */
export const longAgo = new Date("2024-05-06T07:08:09.500Z");

/** A directory that is removed at the end of the scope. */
export class TempDir implements Disposable {
  readonly path: string = Deno.realPathSync(Deno.makeTempDirSync());

  /** Writes files by name, with directories on the way, as if long ago. */
  write(files: Record<string, string | Uint8Array>): void {
    for (const [name, content] of Object.entries(files)) {
      const path = `${this.path}/${name}`;
      Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
      Deno.writeFileSync(
        path,
        typeof content === "string" ? new TextEncoder().encode(content) : content,
      );
      Deno.utimeSync(path, longAgo, longAgo);
    }
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

/** A request whose URL is not cleaned, as one on the wire need not be. */
export function rawRequest(path: string, init?: RequestInit): Request {
  const request = new Request("http://x/", init);
  Object.defineProperty(request, "url", { value: `http://x${path}` });
  return request;
}

/** Fails unless the response has this status; returns its text. */
export async function expectStatus(response: Response, status: number): Promise<string> {
  const text = await response.text();
  assertEquals(response.status, status, text);
  return text;
}

/** Makes a FIFO, or says that this machine cannot. */
export function makeFifo(path: string): boolean {
  try {
    return new Deno.Command("mkfifo", { args: [path] }).outputSync().success;
  } catch {
    return false;
  }
}
