/** Node's `node:http` client against our server; `peers/http_client.mjs` says what it does. */
import { assertEquals } from "@std/assert";
import { answers } from "./peers/http_answers.ts";
import { installed, run, scratch, type Serving, serving } from "./peers/http_server.ts";

const ignore = !installed("node", "--version");

const script = new URL("peers/http_client.mjs", import.meta.url).pathname;

/** Has the client do some of what it can, and complain about nothing. */
async function satisfied({ address }: Serving, ...tests: string[]): Promise<void> {
  const where = address.startsWith("/") ? address : address.split(":")[1];
  const { code, text, stderr } = await run("node", [script, where, ...tests]);
  assertEquals([code, text, stderr], [0, "", ""]);
}

for (
  const [name, test] of [
    ["keeps one connection", "keepAlive"],
    ["sends and gets trailers", "trailers"],
    ["waits for 100 Continue", "expect"],
    ["is told of early hints", "informational"],
    ["is echoed while it sends", "duplex"],
    ["asks many things at once", "concurrent"],
    ["upgrades to another protocol", "upgrade"],
    ["cancels, and the handler is told", "cancel"],
  ]
) {
  Deno.test(`Node's client ${name}`, { ignore }, async () => {
    await using at = serving(answers());
    await satisfied(at, test);
    assertEquals(at.log, []);
  });
}

Deno.test("Node's client does not take a broken answer for complete", { ignore }, async () => {
  await using at = serving(answers());
  await satisfied(at, "cut");
  assertEquals(at.log.map((line) => /broken off/.test(line)), [true], at.log.join("\n"));
});

Deno.test("Node's client over a Unix socket", { ignore }, async () => {
  using dir = scratch();
  await using at = serving(answers(), `${dir.path}/http`);
  const tests = [
    "trailers",
    "expect",
    "informational",
    "duplex",
    "concurrent",
    "upgrade",
    "cancel",
  ];
  await satisfied(at, ...tests);
  assertEquals(at.log, []);
});
