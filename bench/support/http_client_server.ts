/**
 * What clients are measured against: `/hello` and `/post` answer `hello`, `/large` a MiB. nginx
 * where it is installed, which is the least likely to be what is waited for; else `Deno.serve`,
 * which this script starts as a process of its own: that prints its port, and ends with its
 * standard input.
 */
import { pinned, serverCore } from "./http_cores.ts";
import { hasProgram } from "./http_programs.ts";
import { startProcess } from "./line_process.ts";

/** A running server. */
export interface BenchServer extends AsyncDisposable {
  /** Its program. */
  readonly name: string;
  /** Its URL, without a path. */
  readonly url: string;
}

const large = new Uint8Array(1024 * 1024);

/** Starts the server; disposing of it ends its process. */
export async function startBenchServer(): Promise<BenchServer> {
  return hasProgram("nginx") ? await startNginx() : await startDenoServe();
}

async function startDenoServe(): Promise<BenchServer> {
  const script = new URL(import.meta.url).pathname;
  const [program, ...args] = pinned(serverCore, [
    ...[Deno.execPath(), "run", "-A", "--no-config", script],
  ]);
  const child = startProcess(program, args);
  const url = `http://127.0.0.1:${await child.line()}`;
  return { name: "Deno.serve", url, [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() };
}

function serve(): number {
  const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
  return Deno.serve(options, (request) => {
    return new Response(request.url.endsWith("/large") ? large : "hello");
  }).addr.port;
}

/** A port that was free a moment ago: nginx cannot be asked which one it took. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function startNginx(): Promise<BenchServer> {
  const dir = await Deno.makeTempDir({ prefix: "bench-" });
  // Its worker may be another user's.
  await Deno.chmod(dir, 0o755);
  const url = `http://127.0.0.1:${freePort()}`;
  await Deno.writeFile(`${dir}/large`, large);
  await Deno.writeTextFile(`${dir}/nginx.conf`, config(dir, url));
  const [program, ...args] = pinned(serverCore, ["nginx", "-p", dir, "-c", `${dir}/nginx.conf`]);
  const child = new Deno.Command(program, { args, stderr: "null" }).spawn();
  await answers(`${url}/hello`);
  return {
    name: "nginx",
    url,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
      await Deno.remove(dir, { recursive: true });
    },
  };
}

function config(dir: string, url: string): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return `
daemon off;
worker_processes 1;
pid ${dir}/pid;
error_log ${dir}/error.log;
events { worker_connections 1024; }
http {
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  sendfile on;
  ${temporary.map((name) => `${name}_temp_path ${dir}/${name};`).join("\n  ")}
  server {
    listen ${new URL(url).host};
    root ${dir};
    location = /large {}
    location / { return 200 hello; }
  }
}
`;
}

/** Resolves when something answers there. */
async function answers(url: string): Promise<void> {
  for (let attempt = 0; attempt < 500; attempt++) {
    try {
      await (await fetch(url)).body?.cancel();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
  throw new Error(`nothing answers at ${url}`);
}

if (import.meta.main) {
  console.log(serve());
  await Deno.stdin.readable.pipeTo(new WritableStream());
  Deno.exit();
}
