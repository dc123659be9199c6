/** curl against our server. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { fileServer } from "../../http/files/file_server.ts";
import type { HandlerInfo } from "../../http/handler.ts";
import { tlsFile } from "../support/tls/certificates.ts";
import {
  digest,
  digestBody,
  endless,
  inChunks,
  installed,
  noise,
  type Ran,
  run,
  scratch,
  serving,
} from "./peers/http_server.ts";

const ignore = !installed("curl", "--version");

/** Runs curl, which is to succeed. */
async function curl(args: string[], stdin?: ReadableStream<Uint8Array>): Promise<Ran> {
  const ran = await run("curl", ["--silent", "--show-error", "--noproxy", "*", ...args], stdin);
  assertEquals(ran.code, 0, ran.stderr);
  return ran;
}

const count = (text: string, part: string) => text.split(part).length - 1;

Deno.test("curl and HTTP/1.0: a stream ends with the connection", { ignore }, async () => {
  await using at = serving((_, info) =>
    new Response(ReadableStream.from([new TextEncoder().encode(info.proto)]))
  );
  const one = await curl(["--http1.0", "-v", `${at.origin}/`]);
  assertEquals(one.text, "HTTP/1.0");
  assert(!/transfer-encoding/i.test(one.stderr), one.stderr);
  const two = await curl(["-v", `${at.origin}/`]);
  assertEquals(two.text, "HTTP/1.1");
  assertMatch(two.stderr, /< transfer-encoding: chunked/i);
});

Deno.test("curl and HTTP/1.0: a connection is kept when asked for", { ignore }, async () => {
  await using at = serving(() => new Response("kept"));
  const args = ["--http1.0", "-v", "-H", "Connection: keep-alive"];
  const { text, stderr } = await curl([...args, `${at.origin}/1`, `${at.origin}/2`]);
  assertEquals([text, at.accepted], ["keptkept", 1]);
  assertEquals(count(stderr, "Re-using existing connection"), 1, stderr);
});

Deno.test("curl sends many requests over one connection", { ignore }, async () => {
  await using at = serving((request) => new Response(`${new URL(request.url).pathname}\n`));
  const { text, stderr } = await curl(["-v", `${at.origin}/[1-20]`]);
  assertEquals(text, Array.from({ length: 20 }, (_, i) => `/${i + 1}\n`).join(""));
  assertEquals([count(stderr, "Re-using existing connection"), at.accepted], [19, 1]);
});

Deno.test("curl in parallel gets every answer", { ignore }, async () => {
  using dir = scratch();
  await using at = serving(async (request) => {
    await new Promise((resolve) => setTimeout(resolve));
    return new Response(new URL(request.url).pathname);
  });
  const files = ["--create-dirs", "-o", `${dir.path}/#1`];
  await curl(["--parallel", "--parallel-max", "40", `${at.origin}/[1-200]`, ...files]);
  for (let i = 1; i <= 200; i++) {
    assertEquals(Deno.readTextFileSync(`${dir.path}/${i}`), `/${i}`);
  }
});

Deno.test("curl uploads what it does not know the length of", { ignore }, async () => {
  const data = noise(3_000_000);
  const encodings: (string | null)[] = [];
  await using at = serving((request) => {
    encodings.push(request.headers.get("transfer-encoding"), request.headers.get("content-length"));
    return digestBody(request);
  });
  const { text } = await curl(["-T", "-", `${at.origin}/`], inChunks(data, 100_000));
  assertEquals(text, `${data.length} ${await digest(data)}`);
  assertEquals(encodings, ["chunked", null]);
});

Deno.test(
  "curl waits for 100 Continue, which comes when the body is read",
  { ignore },
  async () => {
    using dir = scratch();
    const data = noise(8_000_000);
    Deno.writeFileSync(`${dir.path}/data`, data);
    await using at = serving(digestBody);
    // So long is more than the test may take: without the 100, it fails.
    const wait = ["-H", "Expect: 100-continue", "--expect100-timeout", "60", "-v"];
    const upload = ["--data-binary", `@${dir.path}/data`, `${at.origin}/`];
    const { text, stderr } = await curl([
      ...wait,
      ...upload,
      "--next",
      "--silent",
      `${at.origin}/`,
    ]);
    assertEquals(text, `${data.length} ${await digest(data)}0 ${await digest(noise(0))}`);
    assertEquals(count(stderr, "< HTTP/1.1 100 Continue"), 1, stderr);
    assertEquals(at.accepted, 1);
  },
);

Deno.test("curl is spared the body of a request that is refused", { ignore }, async () => {
  using dir = scratch();
  Deno.writeFileSync(`${dir.path}/data`, noise(8_000_000));
  await using at = serving(() => new Response("no", { status: 403 }));
  const upload = ["--data-binary", `@${dir.path}/data`, "-w", " %{http_code} %{size_upload}"];
  const wait = ["-H", "Expect: 100-continue", "--expect100-timeout", "60"];
  assertEquals((await curl([...wait, ...upload, `${at.origin}/`])).text, "no 403 0");

  // And if it does not ask first, it still reads the answer, and not a reset.
  assertMatch((await curl(["-H", "Expect:", ...upload, `${at.origin}/`])).text, /^no 403 /);
});

Deno.test("curl is told that its body is too long", { ignore }, async () => {
  await using at = serving({ handler: digestBody, maxBodyBytes: 100_000 });
  const args = ["-T", "-", "-H", "Expect:", "-o", "/dev/null", "-w", "%{http_code}", at.origin];
  assertEquals((await curl(args, inChunks(noise(99_000), 9_000))).text, "200");
  assertEquals((await curl(args, inChunks(noise(2_000_000), 90_000))).text, "413");
});

Deno.test("curl gets parts of files, and what has not changed not at all", { ignore }, async () => {
  using dir = scratch();
  const file = `${dir.path}/file.bin`;
  const data = noise(1_000_000);
  Deno.writeFileSync(file, data);
  await using at = serving(fileServer(dir.path));
  const url = `${at.origin}/file.bin`;
  const part = async (range: string) => (await curl(["-r", range, url])).stdout;
  assertEquals(await part("10-19"), data.subarray(10, 20));
  assertEquals(await part("-5"), data.subarray(-5));
  assertEquals(await part("999990-"), data.subarray(999_990));
  assertMatch((await curl(["-r", "0-1,5-6", "-D", "-", url])).text, /206 .*multipart\/byteranges/s);

  // It goes on where it has stopped.
  const copy = `${dir.path}/copy.bin`;
  Deno.writeFileSync(copy, data.subarray(0, 300_000));
  const resumed = await curl(["-C", "-", "-o", copy, "-w", "%{http_code} %{size_download}", url]);
  assertEquals(resumed.text, "206 700000");
  assertEquals(await digest(Deno.readFileSync(copy)), await digest(data));

  const code = ["-w", "%{http_code}", "-o", "/dev/null"];
  assertEquals((await curl(["-z", file, ...code, url])).text, "304");
  const tag = ["--etag-save", `${dir.path}/tag`];
  assertEquals((await curl([...tag, ...code, url])).text, "200");
  const known = ["--etag-compare", `${dir.path}/tag`];
  assertEquals((await curl([...known, ...code, url])).text, "304");
  assertEquals((await curl(["-r", "2000000-", ...code, url])).text, "416");
});

Deno.test("curl sees trailers", { ignore }, async () => {
  await using at = serving((_, info) => {
    let sum = 0;
    info.setTrailers(() => ({ "x-sum": String(sum) }));
    return new Response(
      inChunks(noise(50_000), 7_000).pipeThrough(
        new TransformStream({
          transform(chunk, controller) {
            for (const byte of chunk) sum += byte;
            controller.enqueue(chunk);
          },
        }),
      ),
    );
  });
  const { text } = await curl(["-D", "-", "-o", "/dev/null", `${at.origin}/`]);
  const sum = noise(50_000).reduce((sum, byte) => sum + byte, 0);
  assertMatch(text, new RegExp(`\r\n\r\nx-sum: ${sum}\r\n`, "i"));
});

Deno.test("curl asks for heads only, and the connection goes on", { ignore }, async () => {
  await using at = serving((request) =>
    new Response(request.method === "HEAD" ? null : "body", { headers: { "x-is": request.method } })
  );
  const { text } = await curl(["-I", `${at.origin}/`, `${at.origin}/`, "--next", at.origin]);
  assertEquals([...text.matchAll(/x-is: HEAD\r/g)].length, 2, text);
  assert(text.endsWith("\r\n\r\nbody"), text);
  assertEquals(at.accepted, 1);
});

Deno.test("curl over TLS agrees with us on what both can do", { ignore }, async () => {
  const seen: HandlerInfo["tls"][] = [];
  await using at = serving((request, info) => {
    seen.push(info.tls);
    return new Response(`${request.url.slice(0, 8)} ${info.proto}`);
  }, "tls");
  for (const offer of ["--http1.1", "--http2", "--no-alpn", "--http1.0"]) {
    const ca = ["--cacert", tlsFile("ca.pem")];
    const proto = offer === "--http1.0" ? "HTTP/1.0" : "HTTP/1.1";
    assertEquals((await curl([offer, ...ca, at.origin])).text, `https:// ${proto}`);
  }
  const agreed = seen.map((tls) => tls?.alpnProtocol);
  assertEquals(agreed, ["http/1.1", "http/1.1", null, "http/1.0"]);
});

Deno.test(
  "curl over TLS: large bodies, one connection, and an orderly end",
  { ignore },
  async () => {
    const data = noise(3_000_000);
    await using at = serving(
      (request) =>
        request.method === "GET" ? new Response(inChunks(data, 99_000)) : digestBody(request),
      "tls",
    );
    const ca = ["--cacert", tlsFile("ca.pem")];
    const sum = `${data.length} ${await digest(data)}`;
    const upload = ["-T", "-", at.origin];
    const { stdout } = await curl(
      [...ca, at.origin, "--next", ...ca, ...upload],
      inChunks(data, 99_000),
    );
    assertEquals(await digest(new Uint8Array(stdout.subarray(0, data.length))), await digest(data));
    assertEquals([new TextDecoder().decode(stdout.subarray(data.length)), at.accepted], [sum, 1]);

    // The end of the connection is the end of the body: TLS has to say that it is one.
    const old = await curl(["--http1.0", ...ca, at.origin]);
    assertEquals(await digest(new Uint8Array(old.stdout)), await digest(data));
  },
);

Deno.test("curl over a Unix socket", { ignore }, async () => {
  using dir = scratch();
  const data = noise(500_000);
  await using at = serving(digestBody, `${dir.path}/http`);
  const args = ["--unix-socket", at.address, "-T", "-", "http://any.name/"];
  assertEquals((await curl(args, inChunks(data, 100_000))).text, `500000 ${await digest(data)}`);
});

Deno.test("curl unpacks what a handler has packed", { ignore }, async () => {
  const data = new TextEncoder().encode("over and over and ".repeat(5_000));
  await using at = serving((request) => {
    assertMatch(request.headers.get("accept-encoding") ?? "", /gzip/);
    const packed = new Blob([data]).stream().pipeThrough(new CompressionStream("gzip"));
    return new Response(packed, { headers: { "content-encoding": "gzip" } });
  });
  const { stdout } = await curl(["--compressed", at.origin]);
  assertEquals(await digest(new Uint8Array(stdout)), await digest(data));
});

Deno.test("curl posts a form with a file", { ignore }, async () => {
  using dir = scratch();
  const data = noise(200_000);
  Deno.writeFileSync(`${dir.path}/a.bin`, data);
  await using at = serving(async (request) => {
    const form = await request.formData();
    const file = form.get("file") as File;
    return new Response(`${form.get("name")} ${file.name} ${await digest(await file.bytes())}`);
  });
  const form = ["-F", "name=käse", "-F", `file=@${dir.path}/a.bin`];
  assertEquals((await curl([...form, at.origin])).text, `käse a.bin ${await digest(data)}`);
});

Deno.test("curl goes where it is sent, and keeps cookies", { ignore }, async () => {
  await using at = serving((request) => {
    if (request.url.endsWith("/in")) {
      const headers = new Headers({ location: "/home" });
      headers.append("set-cookie", "a=1; Path=/");
      headers.append("set-cookie", "b=2; Path=/");
      return new Response(null, { status: 303, headers });
    }
    return new Response(`${request.method} ${request.headers.get("cookie")}`);
  });
  const { text } = await curl(["-L", "-b", "", "-d", "user=me", `${at.origin}/in`]);
  assertMatch(text, /^GET (a=1; b=2|b=2; a=1)$/);
  assertEquals(at.accepted, 1);
});

Deno.test("curl that gives up is noticed, and the next one is served", { ignore }, async () => {
  const gone = Promise.withResolvers<unknown>();
  let cancelled: unknown;
  await using at = serving((request) => {
    if (request.url.endsWith("/quick")) return new Response("quick");
    request.signal.addEventListener("abort", () => gone.resolve(request.signal.reason));
    return new Response(endless((reason) => cancelled = reason));
  });
  const { code } = await run("curl", ["-s", "--max-time", "0.3", "-o", "/dev/null", at.origin]);
  assertEquals(code, 28);
  assertEquals((await gone.promise as Error).name, "AbortError");
  assert(cancelled !== undefined);
  assertEquals((await curl([`${at.origin}/quick`])).text, "quick");
  assertEquals(at.log, []);
});
