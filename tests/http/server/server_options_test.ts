import { assertEquals, assertThrows } from "@std/assert";
import { type ServerOptions, serverSettings } from "../../../http/server/server_options.ts";

const handler = () => new Response();

Deno.test("a server's defaults are those that are documented", () => {
  const { errorLog: _, ...settings } = serverSettings({ handler });
  assertEquals(settings, {
    handler,
    addr: undefined,
    readTimeout: 0,
    readHeaderTimeout: 60_000,
    writeTimeout: 0,
    idleTimeout: 120_000,
    maxHeaderBytes: 1024 * 1024,
    maxHeaders: 500,
    maxBodyBytes: 0,
    readBufferSize: 1024,
    connState: undefined,
    onError: undefined,
  });
});

const refused: [string, unknown, typeof TypeError | typeof RangeError][] = [
  ["handler", undefined, TypeError],
  ["handler", "GET", TypeError],
  ["addr", 8080, TypeError],
  ["connState", true, TypeError],
  ["onError", {}, TypeError],
  ["errorLog", "stderr", TypeError],
  ["readTimeout", -1, RangeError],
  ["readTimeout", "1s", TypeError],
  ["readHeaderTimeout", NaN, RangeError],
  ["writeTimeout", -5, RangeError],
  ["idleTimeout", "long", TypeError],
  ["maxHeaderBytes", 0, RangeError],
  ["maxHeaders", 0, RangeError],
  ["maxBodyBytes", -1, RangeError],
  ["readBufferSize", 1, RangeError],
  ["readBufferSize", Infinity, RangeError],
  ["hander", handler, TypeError],
];

for (const [name, value, kind] of refused) {
  Deno.test(`a server refuses ${name}: ${String(value)}, and says so`, () => {
    const options = { handler, [name]: value } as unknown as ServerOptions;

    assertThrows(() => serverSettings(options), kind, name);
  });
}

Deno.test("0 is no limit", () => {
  const { idleTimeout, readHeaderTimeout } = serverSettings({
    handler,
    idleTimeout: 0,
    readHeaderTimeout: 0,
  });
  assertEquals([idleTimeout, readHeaderTimeout], [0, 0]);
});
