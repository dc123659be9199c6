import { assertEquals, assertThrows } from "@std/assert";
import {
  proxyFromEnvironment,
  proxyFunc,
  rereadProxyEnvironment,
} from "../../../http/client/proxy_env.ts";

function choose(env: Record<string, string>, url: string): string | null {
  return proxyFunc((name) => env[name])(new URL(url))?.href ?? null;
}

Deno.test("the scheme of a URL chooses the variable, upper case before lower", () => {
  const table: [env: Record<string, string>, url: string, expected: string | null][] = [
    [{}, "http://h/", null],
    [{ HTTP_PROXY: "http://p:1" }, "http://h/", "http://p:1/"],
    [{ HTTP_PROXY: "http://p:1" }, "https://h/", null],
    [{ HTTPS_PROXY: "http://p:1" }, "https://h/", "http://p:1/"],
    [{ HTTPS_PROXY: "http://p:1" }, "http://h/", null],
    [{ http_proxy: "http://p:1" }, "http://h/", "http://p:1/"],
    [{ https_proxy: "http://p:1" }, "https://h/", "http://p:1/"],
    [{ HTTP_PROXY: "http://up", http_proxy: "http://low" }, "http://h/", "http://up/"],
    [{ HTTPS_PROXY: "http://up", https_proxy: "http://low" }, "https://h/", "http://up/"],
    [{ HTTP_PROXY: "", http_proxy: "http://low" }, "http://h/", "http://low/"],
    [{ ALL_PROXY: "http://p" }, "http://h/", null],
    [{ HTTP_PROXY: "p:8080" }, "http://h/", "http://p:8080/"],
    [{ HTTP_PROXY: "p" }, "http://h/", "http://p/"],
    [{ HTTP_PROXY: "127.0.0.1:8080" }, "http://h/", "http://127.0.0.1:8080/"],
    [{ HTTP_PROXY: "u:pw@p:8080" }, "http://h/", "http://u:pw@p:8080/"],
    [{ HTTP_PROXY: "https://p" }, "http://h/", "https://p/"],
    [{ HTTPS_PROXY: "socks5://p:1080" }, "https://h/", "socks5://p:1080"],
    [{ HTTPS_PROXY: "socks5h://u:pw@p:1080" }, "https://h/", "socks5h://u:pw@p:1080"],
    [{ HTTP_PROXY: "http://p" }, "ftp://h/", null],
    [{ HTTP_PROXY: "http://p", no_proxy: "h" }, "http://h/", null],
    [{ HTTP_PROXY: "http://p", NO_PROXY: "x", no_proxy: "h" }, "http://h/", "http://p/"],
  ];
  for (const [env, url, expected] of table) {
    assertEquals(choose(env, url), expected, `${JSON.stringify(env)} ${url}`);
  }
});

Deno.test("NO_PROXY excepts hosts, domains, addresses, blocks and ports", () => {
  const table: [noProxy: string, host: string, direct: boolean][] = [
    ["", "example.com", false],
    [",, ,", "example.com", false],
    // everything
    ["*", "example.com", true],
    ["*", "192.0.2.1", true],
    ["other, *", "[2001:db8::1]", true],
    // domains, with what is below them
    ["example.com", "example.com", true],
    ["example.com", "www.example.com", true],
    ["example.com", "a.b.example.com", true],
    ["example.com", "badexample.com", false],
    ["example.com", "example.com.evil.net", false],
    ["example.com", "example.org", false],
    ["EXAMPLE.com", "example.COM", true],
    ["example.com", "example.com.", true],
    ["example.com.", "example.com", true],
    ["com", "example.com", true],
    ["www.example.com", "example.com", false],
    [" a.net , example.com ", "example.com", true],
    ["a.net,example.com", "b.net", false],
    ["bücher.example", "xn--bcher-kva.example", true],
    ["localhost.example", "localhost.example", true],
    // what is below alone
    [".example.com", "www.example.com", true],
    [".example.com", "example.com", false],
    ["*.example.com", "www.example.com", true],
    ["*.example.com", "example.com", false],
    ["*.example.com", "badexample.com", false],
    [".", "example.com", false],
    // ports
    ["example.com:8080", "example.com:8080", true],
    ["example.com:8080", "www.example.com:8080", true],
    ["example.com:8080", "example.com:8081", false],
    ["example.com:8080", "example.com", false],
    ["example.com:80", "example.com", true], // the scheme's own
    [".example.com:80", "www.example.com", true],
    [".example.com:80", "www.example.com:81", false],
    [":80", "example.com", false],
    // addresses
    ["192.0.2.1", "192.0.2.1", true],
    ["192.0.2.1", "192.0.2.11", false],
    ["192.0.2.1:80", "192.0.2.1", true],
    ["192.0.2.1:80", "192.0.2.1:81", false],
    ["2001:db8::1", "[2001:db8::1]", true],
    ["[2001:db8::1]", "[2001:db8::1]", true],
    ["2001:DB8:0::1", "[2001:db8::1]", true],
    ["[2001:db8::1]:80", "[2001:db8::1]", true],
    ["[2001:db8::1]:80", "[2001:db8::1]:81", false],
    ["2001:db8::1", "[2001:db8::2]", false],
    ["::ffff:192.0.2.1", "192.0.2.1", true],
    // blocks
    ["192.0.2.0/24", "192.0.2.200", true],
    ["192.0.2.0/24", "192.0.3.1", false],
    ["192.0.2.77/24", "192.0.2.200", true],
    ["10.0.0.0/8,172.16.0.0/12", "172.31.255.255", true],
    ["10.0.0.0/8,172.16.0.0/12", "172.32.0.0", false],
    ["0.0.0.0/0", "192.0.2.1", true],
    ["0.0.0.0/0", "[2001:db8::1]", false],
    ["2001:db8::/32", "[2001:db8:ffff::1]", true],
    ["2001:db8::/32", "[2001:db9::1]", false],
    ["192.0.2.0/24", "example.com", false],
    ["192.0.2.0/99", "192.0.2.1", false],
    // never proxied, whatever is listed
    ["", "localhost", true],
    ["", "localhost:8080", true],
    ["", "LOCALHOST", true],
    ["", "127.0.0.1", true],
    ["", "127.1.2.3:99", true],
    ["", "[::1]", true],
    ["", "[::ffff:127.0.0.1]", true],
    ["", "notlocalhost", false],
    ["", "128.0.0.1", false],
  ];
  for (const [noProxy, host, direct] of table) {
    const env = { HTTP_PROXY: "http://p:1", NO_PROXY: noProxy };
    assertEquals(
      choose(env, `http://${host}/`),
      direct ? null : "http://p:1/",
      `${noProxy} ${host}`,
    );
  }
});

Deno.test("NO_PROXY knows the port of https", () => {
  const env = { HTTPS_PROXY: "http://p", NO_PROXY: "example.com:443" };
  assertEquals(choose(env, "https://example.com/"), null);
  assertEquals(choose(env, "https://example.com:8443/"), "http://p/");
});

Deno.test("in a CGI program HTTP_PROXY is the client's header, and ignored", () => {
  const cgi = { REQUEST_METHOD: "GET" };
  assertEquals(choose({ ...cgi, HTTP_PROXY: "http://evil" }, "http://h/"), null);
  assertEquals(
    choose({ ...cgi, HTTP_PROXY: "http://evil", http_proxy: "http://p" }, "http://h/"),
    "http://p/",
  );
  assertEquals(choose({ ...cgi, HTTPS_PROXY: "http://p" }, "https://h/"), "http://p/");
  assertEquals(choose({ REQUEST_METHOD: "", HTTP_PROXY: "http://p" }, "http://h/"), "http://p/");
});

Deno.test("a proxy that cannot be one is an error where it would be used, and only there", () => {
  const bad = { HTTP_PROXY: "ftp://p", HTTPS_PROXY: "http://u:secret@p:99999", NO_PROXY: "x" };
  const http = assertThrows(() => choose(bad, "http://h/"), TypeError);
  assertEquals(
    http.message,
    'HTTP_PROXY has the scheme "ftp:": must be one of http: https: socks5: socks5h:',
  );
  const https = assertThrows(() => choose(bad, "https://h/"), TypeError);
  assertEquals(https.message, "HTTPS_PROXY is not a URL");
  assertEquals(choose(bad, "ftp://h/"), null);
});

Deno.test("proxyFromEnvironment() reads the environment once", () => {
  const before = Deno.env.get("HTTP_PROXY");
  const url = new URL("http://example.com/");
  try {
    Deno.env.set("HTTP_PROXY", "http://one:1");
    rereadProxyEnvironment();
    assertEquals(proxyFromEnvironment(url)?.href, "http://one:1/");
    Deno.env.set("HTTP_PROXY", "http://two:2");
    assertEquals(proxyFromEnvironment(url)?.href, "http://one:1/");
    rereadProxyEnvironment();
    assertEquals(proxyFromEnvironment(url)?.href, "http://two:2/");
  } finally {
    if (before === undefined) Deno.env.delete("HTTP_PROXY");
    else Deno.env.set("HTTP_PROXY", before);
    rereadProxyEnvironment();
  }
});

Deno.test("proxyFromEnvironment() without permission names no proxy and does not ask", async () => {
  const program = `
    import { proxyFromEnvironment } from "${new URL(
    "../../../http/client/proxy_env.ts",
    import.meta.url,
  )}";
    const url = new URL("http://example.com/");
    console.log(String(proxyFromEnvironment(url)));
  `;
  const run = async (...flags: string[]) => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-config",
        ...flags,
        `data:application/typescript,${encodeURIComponent(program)}`,
      ],
      env: { HTTP_PROXY: "http://p:1" },
      stdin: "null",
    }).output();
    const [out, error] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes).trim());
    assertEquals(code, 0, error);
    return out;
  };
  assertEquals(await run(), "null");
  assertEquals(await run("--allow-env=HTTP_PROXY"), "http://p:1/");
});
