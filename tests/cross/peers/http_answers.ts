/** What the clients in Go and in JavaScript ask for. */
import type { Handler, Hijacked } from "../../../http/handler.ts";
import { digestBody, endless, noise } from "./http_server.ts";

/** Takes the connection over, and gives back what comes. */
async function echo({ conn, buffered }: Hijacked): Promise<void> {
  using _ = conn;
  const head = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";
  await conn.write(new TextEncoder().encode(`${head}welcome `));
  await conn.write(buffered);
  const p = new Uint8Array(1024);
  for (let n; (n = await conn.read(p)) !== null;) await conn.write(p.subarray(0, n));
}

/** A handler for one test. */
export function answers(): Handler {
  const gone = Promise.withResolvers<void>();
  return async (request, info) => {
    switch (new URL(request.url).pathname) {
      case "/small":
        return new Response("small");
      case "/empty":
        return new Response(null, { status: 204 });
      case "/digest":
        return digestBody(request);
      case "/echo":
        return new Response(request.body);
      case "/refuse":
        return new Response("no", { status: 403 });
      case "/trailers":
        info.setTrailers(async () => ({ "x-yours": (await info.trailers).get("x-mine") ?? "" }));
        return new Response(request.body);
      case "/early":
        await info.sendInformational(103, { link: "</style.css>; rel=preload" });
        return new Response("late");
      case "/upgrade":
        echo(info.hijack());
        return new Response();
      case "/endless":
        request.signal.addEventListener("abort", () => gone.resolve());
        return new Response(endless());
      case "/gone":
        await gone.promise;
        return new Response("gone");
      case "/cut":
        return new Response(
          new ReadableStream({
            start: (controller) => controller.enqueue(noise(10)),
            pull: (controller) => controller.error(new Error("broken off")),
          }),
        );
    }
    return new Response(null, { status: 404 });
  };
}
