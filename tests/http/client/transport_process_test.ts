import { assertEquals } from "@std/assert";
import { runChild } from "../../support/net_helpers.ts";

const root = new URL("../../../", import.meta.url).href;

/** A server in a worker of its own would hold the process: it is unref'd here, with its socket. */
const prelude = `
const { Transport } = await import("${root}http/client/transport.ts");
const { Request } = await import("${root}http/web/request.ts");
const listener = net.listen("tcp", "127.0.0.1:0");
listener.unref();
const answer = (text) => (async () => {
  const conn = await listener.accept();
  conn.unref();
  const p = new Uint8Array(4096);
  while (await conn.read(p) !== null) await conn.write(new TextEncoder().encode(text));
})();
const url = "http://" + listener.addr + "/";
`;

Deno.test("an idle connection does not keep the process alive", async () => {
  const said = await runChild(`${prelude}
answer("HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok");
const transport = new Transport();
for (let i = 0; i < 3; i++) {
  const response = await transport.roundTrip(new Request(url));
  console.log(await response.text(), transport.stats()["http://" + listener.addr].idle);
}`);
  assertEquals(said, { code: 0, stdout: "ok 1\nok 1\nok 1", stderr: "" });
});

Deno.test("a request under way keeps the process alive, on a reused connection too", async () => {
  const said = await runChild(`${prelude}
(async () => {
  const conn = await listener.accept();
  conn.unref();
  const p = new Uint8Array(4096);
  for (let i = 0; await conn.read(p) !== null; i++) {
    const timer = setTimeout(() => {
      conn.write(new TextEncoder().encode("HTTP/1.1 200 OK\\r\\nContent-Length: 1\\r\\n\\r\\n" + i));
    }, 50);
    Deno.unrefTimer(timer);
  }
})();
const transport = new Transport();
// No await at the top level, which would hold the process by itself.
(async () => {
  for (let i = 0; i < 2; i++) {
    console.log(await (await transport.roundTrip(new Request(url))).text());
  }
})();`);
  assertEquals(said, { code: 0, stdout: "0\n1", stderr: "" });
});

Deno.test("an unread body does not keep the process alive", async () => {
  const said = await runChild(`${prelude}
answer("HTTP/1.1 200 OK\\r\\nContent-Length: 100\\r\\n\\r\\nok");
const transport = new Transport();
const response = await transport.roundTrip(new Request(url));
await response.body.cancel();
const begun = performance.now();
addEventListener("unload", () => console.log(performance.now() - begun < 700 ? "at once" : "late"));
console.log(response.status);`);
  assertEquals(said, { code: 0, stdout: "200\nat once", stderr: "" });
});

Deno.test("without --allow-env nothing asks for it", async () => {
  const said = await runChild(
    `${prelude}
answer("HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok");
console.log(await (await new Transport().roundTrip(new Request(url))).text());`,
    ["--allow-net", "--allow-read"],
  );
  assertEquals(said, { code: 0, stdout: "ok", stderr: "" });
});
