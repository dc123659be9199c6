/** Other people's TLS programs. */
import { tlsFile } from "./certificates.ts";

/** Whether a program is there; says so visibly when it is not. */
export function installed(program: string, flag: string): boolean {
  try {
    const { success } = new Deno.Command(program, { args: [flag], stdout: "null", stderr: "null" })
      .outputSync();
    if (success) return true;
  } catch {
    // Not there.
  }
  console.log(`${program} is not installed: its tests are skipped`);
  return false;
}

/** A server in another process. */
export interface PeerServer extends AsyncDisposable {
  /** Where it listens. */
  readonly address: string;
}

/** Starts a server whose first line that matches names its port. */
async function serve(program: string, args: string[], port: RegExp): Promise<PeerServer> {
  const child = new Deno.Command(program, {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = "";;) {
    const { value, done } = await output.read();
    if (done) throw new Error(`${program} has ended: ${text}`);
    const found = port.exec(text += value);
    if (found === null) continue;
    // What is not read might stop it.
    const rest = (async () => {
      while (!(await output.read()).done);
    })();
    return {
      address: `127.0.0.1:${found[1]}`,
      async [Symbol.asyncDispose]() {
        try {
          child.kill("SIGKILL");
        } catch {
          // It has ended by itself.
        }
        await Promise.all([rest, child.status]);
      },
    };
  }
}

/** `openssl s_server`, which answers each line with the line backwards. */
export function opensslServer(...args: string[]): Promise<PeerServer> {
  const own = ["-cert", tlsFile("server.pem"), "-key", tlsFile("server.key"), "-rev"];
  const all = ["s_server", "-accept", "127.0.0.1:0", ...own, ...args];
  return serve("openssl", all, /^ACCEPT 127\.0\.0\.1:(\d+)\s/m);
}

/** What a server in Python does with the one connection it takes. */
const scripts = {
  /** Names the client, then ends TLS in order. */
  greet: "t.sendall(name(t)); unwrap(t)",
  /** As `greet`, but closes without an end of TLS. */
  cut: "t.sendall(name(t)); t.recv(1); os.close(t.detach())",
};

/** A server in Python that wants a client's certificate from our authority. */
export function pythonServer(what: keyof typeof scripts, version: string): Promise<PeerServer> {
  const code = `
import os, socket, ssl, sys
def name(t): return dict(x[0] for x in t.getpeercert()["subject"])["commonName"].encode()
def unwrap(t):
    t.unwrap().close()
c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
c.load_cert_chain(sys.argv[1], sys.argv[2])
c.load_verify_locations(sys.argv[3])
c.verify_mode = ssl.CERT_REQUIRED
c.maximum_version = getattr(ssl.TLSVersion, sys.argv[4])
c.set_alpn_protocols(["http/1.1"])
s = socket.create_server(("127.0.0.1", 0))
print("port", s.getsockname()[1], flush=True)
t = c.wrap_socket(s.accept()[0], server_side=True)
${scripts[what]}
`;
  const files = ["server.pem", "server.key", "ca.pem"].map(tlsFile);
  return serve("python3", ["-c", code, ...files, version], /^port (\d+)\s/m);
}
