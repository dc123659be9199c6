/** Go's `net/http` client against our server; `peers/http_client.go` says what it does. */
import { assert, assertEquals } from "@std/assert";
import { answers } from "./peers/http_answers.ts";
import { installed, run, scratch, type Serving, serving } from "./peers/http_server.ts";

const ignore = !installed("go", "version");

let built: Promise<string> | undefined;

/** Compiles the client, once. */
async function build(): Promise<string> {
  const dir = await Deno.makeTempDir();
  globalThis.addEventListener("unload", () => Deno.removeSync(dir, { recursive: true }));
  const { success, stderr } = await new Deno.Command("go", {
    args: [
      "build",
      "-o",
      `${dir}/client`,
      new URL("peers/http_client.go", import.meta.url).pathname,
    ],
    env: { CGO_ENABLED: "0", ...Deno.env.has("HOME") ? {} : { GOCACHE: `${dir}/cache` } },
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  return `${dir}/client`;
}

/** Has the client do some of what it can, and complain about nothing. */
async function satisfied(at: Serving, ...tests: string[]): Promise<void> {
  const { code, text, stderr } = await run(await (built ??= build()), [at.address, ...tests]);
  assertEquals([code, text, stderr], [0, "", ""]);
}

for (
  const [name, ...tests] of [
    ["keeps one connection for requests of all kinds", "keep-alive"],
    ["sends and gets chunks, both at once", "chunked"],
    ["sends and gets trailers", "trailers"],
    ["waits for 100 Continue", "expect"],
    ["is told of early hints", "informational"],
    ["asks fifty things at once", "concurrent"],
    ["cancels, and the handler is told", "cancel"],
  ]
) {
  Deno.test(`Go's client ${name}`, { ignore }, async () => {
    await using at = serving(answers());
    await satisfied(at, ...tests);
    assertEquals(at.log, []);
  });
}

Deno.test("Go's client does not take a broken answer for complete", { ignore }, async () => {
  await using at = serving(answers());
  await satisfied(at, "cut");
  assertEquals(at.log.map((line) => /broken off/.test(line)), [true], at.log.join("\n"));
});

Deno.test("Go's client over a Unix socket", { ignore }, async () => {
  using dir = scratch();
  await using at = serving(answers(), `${dir.path}/http`);
  await satisfied(at, "keep-alive", "chunked", "trailers", "expect", "concurrent", "cancel");
});
