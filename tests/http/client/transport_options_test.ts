import { assertEquals, assertInstanceOf, assertStringIncludes, assertThrows } from "@std/assert";
import { coarseClock } from "../../../deadline.ts";
import {
  checkProxyUrl,
  defaultMaxIdleConnsPerHost,
  type TransportOptions,
  transportSettings,
} from "../../../http/client/transport_options.ts";
import { FakeClock } from "../../support/fake_clock.ts";

Deno.test("the defaults of a transport are Go's", () => {
  const settings = transportSettings({});
  assertEquals(defaultMaxIdleConnsPerHost, 2);
  assertEquals({ ...settings, coarse: settings.coarse === coarseClock } as unknown, {
    dial: undefined,
    dialTls: undefined,
    tls: {},
    proxy: undefined,
    tlsHandshakeTimeout: 10_000,
    responseHeaderTimeout: 0,
    expectContinueTimeout: 1_000,
    idleConnTimeout: 90_000,
    maxIdleConns: 100,
    maxIdleConnsPerHost: 2,
    maxConnsPerHost: Infinity,
    disableKeepAlives: false,
    disableCompression: false,
    maxResponseHeaderBytes: 10 * 1024 * 1024,
    readBufferSize: 16 * 1024,
    writeBufferSize: 64 * 1024,
    clock: undefined,
    coarse: true,
  });
});

Deno.test("0 is no limit, but for maxIdleConnsPerHost, where it is the default", () => {
  const { maxIdleConns, maxConnsPerHost, maxIdleConnsPerHost } = transportSettings({
    maxIdleConns: 0,
    maxConnsPerHost: 0,
    maxIdleConnsPerHost: 0,
  });
  assertEquals([maxIdleConns, maxConnsPerHost, maxIdleConnsPerHost], [Infinity, Infinity, 2]);
});

Deno.test("a value that makes no sense is refused, by name", () => {
  const durations = ["tlsHandshakeTimeout", "responseHeaderTimeout", "idleConnTimeout"];
  const counts = ["maxIdleConns", "maxIdleConnsPerHost", "maxConnsPerHost"];
  const sizes = ["maxResponseHeaderBytes", "readBufferSize", "writeBufferSize"];
  const rows: [names: string[], values: unknown[], error: typeof TypeError | typeof RangeError][] =
    [
      [
        [...durations, ...counts, ...sizes, "expectContinueTimeout"],
        ["5", null, true, {}],
        TypeError,
      ],
      [[...durations, ...counts, ...sizes, "expectContinueTimeout"], [NaN], RangeError],
      [[...durations, ...counts, ...sizes], [-1], RangeError],
      [[...counts, ...sizes], [1.5], RangeError],
      [sizes, [0], RangeError],
      [["disableKeepAlives", "disableCompression"], [1, "yes", null], TypeError],
      [["dial", "dialTls"], [{}, "tcp", null], TypeError],
      [["tls"], [null, "pem"], TypeError],
      [["proxy"], [5, true, "no url", "ftp://a", {}], TypeError],
    ];
  for (const [names, values, type] of rows) {
    for (const name of names) {
      for (const value of values) {
        const error = assertThrows(() => transportSettings({ [name]: value })) as Error;
        assertInstanceOf(error, type);
        assertStringIncludes(error.message, name);
      }
    }
  }
});

Deno.test("an option that does not exist is refused, by name", () => {
  const rows: [options: unknown, name: string][] = [
    [{ maxIdle: 5 }, "maxIdle"],
    [{ timeout: 5 }, "timeout"],
    [{ tls: { ca: "" } }, "ca"],
    [{ toString: 1 }, "toString"],
  ];
  for (const [options, name] of rows) {
    const error = assertThrows(() => transportSettings(options as TransportOptions), TypeError);
    assertStringIncludes((error as Error).message, `"${name}"`);
  }
  assertThrows(() => transportSettings(null as unknown as TransportOptions), TypeError);
});

Deno.test("cert and key of tls go together", () => {
  assertThrows(() => transportSettings({ tls: { cert: "x" } }), TypeError);
  assertThrows(() => transportSettings({ tls: { key: "x" } }), TypeError);
});

Deno.test("checkProxyUrl() takes the four kinds of proxies, and shows no password", () => {
  for (const url of ["http://a", "https://a:1", "socks5://u:p@a", "socks5h://a:1080"]) {
    assertEquals(checkProxyUrl(new URL(url)).href, new URL(url).href);
  }
  for (const url of ["ftp://u:secret@a", "socks4://u:secret@a", "socks5:a"]) {
    const { message } = assertThrows(() => checkProxyUrl(new URL(url)), TypeError) as Error;
    assertEquals(message.includes("secret"), false);
  }
  assertThrows(() => checkProxyUrl("http://a" as unknown as URL), TypeError);
});

Deno.test("a clock of the caller's has a coarse clock of its own", () => {
  const clock = new FakeClock();
  const { coarse } = transportSettings({ clock });
  coarse.timer(() => {}).start(1_000);
  assertEquals(clock.timers, 1);
});
