/** nginx, in front of a server of ours or by itself. */
import { getAvailablePort } from "@std/net";
import { limit, scratch, type Serving } from "./http_server.ts";

/** A running nginx; ended with the scope it is in. */
export interface Nginx extends AsyncDisposable {
  /** `"127.0.0.1:port"`. */
  readonly address: string;
}

/** Says how it works, given a directory of its own and where it is to listen. */
export type Configuration = (dir: string, front: string) => string;

/** What goes around servers. */
const around = (dir: string, http: string) => `
daemon off;
master_process off;
pid ${dir}/pid;
error_log stderr notice;
events {}
http {
  access_log off;
  ${
  ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((it) => `${it}_temp_path ${dir}/${it};`)
    .join(" ")
}
  ${http}
}
`;

const server = ({ address }: Serving) =>
  `server ${address.startsWith("/") ? `unix:${address}` : address};`;

const before = (back: readonly Serving[]) => (_dir: string, front: string) => `
  client_max_body_size 0;
  upstream app { ${back.map(server).join(" ")} keepalive 4; }
  map $http_upgrade $connection_upgrade { default upgrade; "" ""; }
  server {
    listen ${front};
    proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $connection_upgrade;
    proxy_http_version 1.1;
    location / { proxy_pass http://app; }
    location /direct/ {
      proxy_pass http://app;
      proxy_buffering off;
      proxy_request_buffering off;
    }
    location /old/ {
      proxy_pass http://app;
      proxy_http_version 1.0;
      proxy_set_header Connection close;
    }
  }
`;

/** Starts nginx before one or more servers. */
export function nginx(...back: Serving[]): Promise<Nginx> {
  return nginxOf(before(back));
}

/** Starts nginx. Its port is one that was free a moment ago: it may be taken. */
export async function nginxOf(configuration: Configuration): Promise<Nginx> {
  for (let attempt = 1;; attempt++) {
    try {
      return await start(`127.0.0.1:${getAvailablePort()}`, configuration);
    } catch (error) {
      if (attempt === 3) throw error;
    }
  }
}

async function start(address: string, configuration: Configuration): Promise<Nginx> {
  const dir = scratch();
  const file = `${dir.path}/nginx.conf`;
  Deno.writeTextFileSync(file, around(dir.path, configuration(dir.path, address)));
  const child = new Deno.Command("nginx", {
    args: ["-p", dir.path, "-c", file, "-e", "stderr"],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), limit);
  const listening = Promise.withResolvers<void>();
  const followed = (async () => {
    let said = "";
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
      // Said when the sockets are open.
      if ((said += text).includes("event method")) listening.resolve();
    }
    listening.reject(new Error(`nginx has ended: ${said}`));
  })();
  const end = async () => {
    clearTimeout(timer);
    await Promise.all([child.status, followed]);
    dir[Symbol.dispose]();
  };
  try {
    await listening.promise;
  } catch (error) {
    await end();
    throw error;
  }
  return {
    address,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await end();
    },
  };
}
