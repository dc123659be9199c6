/**
 * The rules of the tree that no compiler knows: which way imports run, that every source file has
 * its test, how long a file may be, and that the two configurations stay alike.
 */
import {
  findCycles,
  hidesImport,
  importsOf,
  onlyReExports,
  resolvePath,
  withoutComments,
} from "./imports.ts";

/** A file of the tree; the path is relative to the root. */
export interface File {
  path: string;
  text: string;
}

/** Something that breaks a rule. */
export interface Finding {
  /** The file to change. */
  path: string;
  /** The rule, and how the file breaks it. */
  message: string;
}

/** A file longer than this is two files. */
const maxLines = 700;

/** Source files without a test of their own, each with the reason. */
const untested: Record<string, string> = {
  "mod.ts": "re-exports only",
  "http/handler.ts": "types only",
  "http/incoming.ts": "types only",
  "http/mod.ts": "re-exports only",
  "http/client/round_tripper.ts": "types only",
  "ipc/mod.ts": "re-exports only",
  "net/mod.ts": "re-exports only",
  "net/conn.ts": "types only",
  "net/native/datagram_port.ts": "the sockets behind tests/net/native/datagram_test.ts",
  "net/native/datagram_wait.ts": "the waits behind tests/net/native/datagram_test.ts",
  "net/native/path_listener.ts": "the listeners of tests/net/native/{unix,seqpacket}_test.ts",
  "net/native/seqpacket_conn.ts": "the connections behind tests/net/native/seqpacket_test.ts",
  "net/stream_listener.ts": "the contract behind tests/net/listener_test.ts",
  "sys/mod.ts": "re-exports only",
  "sys/epoll.ts": "the kernel behind the poller: tests/sys/poller_test.ts",
  "sys/kqueue.ts": "the same on macOS",
  "sys/readiness.ts": "types and two constants",
};

/** What each part of the package may import, besides itself. */
const below: Record<string, RegExp> = {
  "deadline": /^$/,
  "sys": /^deadline\.ts$/,
  "net": /^(deadline\.ts|sys\/.*)$/,
  "http": /^(deadline\.ts|sys\/.*|net\/.*)$/,
  // A pipe is a stream connection as well: that contract is kept once, in net/stream.ts.
  "ipc": /^(deadline\.ts|sys\/.*|net\/(mod|stream)\.ts)$/,
  "mod.ts": /^(deadline\.ts|(sys|net|http|ipc)\/mod\.ts)$/,
};

/** The packages from a registry that the runtime may load. */
const registryImports = new Set(["npm:tough-cookie"]);

const socketModule = /^node:(net|dgram|dns|tls)(\/|$)/;
const socketCall =
  /\bDeno\.(connect|connectTls|listen|listenDatagram|listenTls|resolveDns|startTls)\b/;

/** The part of the tree a file belongs to: `net` for `net/dialer.ts`, `mod.ts` for itself. */
function partOf(path: string): string {
  return path === "deadline.ts" ? "deadline" : path.split("/")[0];
}

/** The folder that a module is the entry of: a mod.ts of its own, deadline.ts of `deadline/`. */
function folderBehind(path: string): string | undefined {
  if (path === "deadline.ts") return "deadline/";
  return /(^|\/)mod\.ts$/.test(path) ? path.slice(0, -"mod.ts".length) : undefined;
}

/** Whether the file is part of the package. */
function isRuntime(path: string): boolean {
  return path.endsWith(".ts") && partOf(path) in below;
}

/** Checks every rule. The files are the whole tree. */
export function checkTree(files: readonly File[]): Finding[] {
  const sources = files.filter(({ path }) => path.endsWith(".ts"));
  return [
    ...sources.flatMap(checkImports),
    ...sources.filter(({ path }) => isRuntime(path)).flatMap(checkRuntime),
    ...checkCycles(sources),
    ...checkMirrors(sources),
    ...sources.flatMap(checkLength),
    ...checkConfigs(files),
  ];
}

/** Rules for one import, whoever imports. */
function checkImports({ path, text }: File): Finding[] {
  const findings: Finding[] = [];
  for (const specifier of importsOf(text)) {
    const problem = specifier.startsWith(".")
      ? checkRelative(path, resolvePath(path, specifier))
      : checkBare(path, specifier);
    if (problem !== undefined) {
      findings.push({ path, message: `imports "${specifier}": ${problem}` });
    }
  }
  return findings;
}

/** Why the module at `path` may not import the one at `target`. */
function checkRelative(path: string, target: string): string | undefined {
  if (!isRuntime(path)) return undefined;
  const folder = folderBehind(target);
  if (folder !== undefined && path !== target && path.startsWith(folder)) {
    return "a folder's entry is for those outside the folder";
  }
  const part = partOf(path);
  if (path.startsWith("http/h1/") && !/^http\/(h1\/.*|headers\.ts|errors\.ts)$/.test(target)) {
    return "http/h1 imports only itself, http/headers.ts and http/errors.ts";
  }
  if (part === partOf(target) || below[part].test(target)) return undefined;
  return `${part} may not import ${target}`;
}

/** Why the module at `path` may not import what is no file of the tree. */
function checkBare(path: string, specifier: string): string | undefined {
  if (/^(jsr:)?@std\//.test(specifier)) {
    return /^(tests|bench)\//.test(path) ? undefined : "@std is for tests and benches";
  }
  if (!isRuntime(path)) return undefined;
  if (socketModule.test(specifier)) return ownsSockets(path) ? undefined : socketRule;
  if (specifier.startsWith("node:")) return undefined;
  const [name] = specifier.match(/^npm:(@[^/@]+\/)?[^/@]+/) ?? [specifier];
  return registryImports.has(name) ? undefined : "the package imports nothing from a registry";
}

const socketRule = "sockets belong to net/runtime and net/native";

function ownsSockets(path: string): boolean {
  return /^net\/(runtime|native)\//.test(path);
}

/** Rules for the text of one file of the package. */
function checkRuntime({ path, text }: File): Finding[] {
  const findings: Finding[] = [];
  const code = withoutComments(text).replace(/"(?:\\.|[^"\\\n])*"/g, '""');
  const call = code.match(socketCall);
  if (call !== null && !ownsSockets(path)) {
    findings.push({ path, message: `uses ${call[0]}: ${socketRule}` });
  }
  if (hidesImport(text)) {
    findings.push({ path, message: "a dynamic import names its module in a plain string" });
  }
  if (folderBehind(path) !== undefined && !onlyReExports(text)) {
    findings.push({ path, message: "the entry of a folder holds re-exports only" });
  }
  return findings;
}

/** Modules that import each other, directly or not, types included. */
function checkCycles(sources: readonly File[]): Finding[] {
  const graph = new Map(sources.map(({ path, text }) => [
    path,
    importsOf(text).filter((name) => name.startsWith(".")).map((name) => resolvePath(path, name)),
  ]));
  return findCycles(graph).map((cycle) => ({
    path: cycle[0],
    message: `imports itself: ${cycle.join(" -> ")}`,
  }));
}

/** Each source file has `tests/<path>_test.ts`, or a reason not to. */
function checkMirrors(sources: readonly File[]): Finding[] {
  const paths = new Set(sources.map(({ path }) => path));
  const findings: Finding[] = [];
  for (const path of paths) {
    if (!isRuntime(path) && partOf(path) !== "tasks") continue;
    const mirror = `tests/${path.replace(/\.ts$/, "_test.ts")}`;
    if (path in untested === paths.has(mirror)) {
      findings.push({
        path,
        message: path in untested
          ? `is listed as untested (${untested[path]}), but ${mirror} exists`
          : `has no test: ${mirror} is missing`,
      });
    }
  }
  return findings;
}

function checkLength({ path, text }: File): Finding[] {
  const lines = text.split("\n").length - 1;
  if (lines <= maxLines) return [];
  return [{ path, message: `has ${lines} lines, more than ${maxLines}: cut it in two` }];
}

/** The offline configuration is `deno.json` and `links`, nothing else. */
function checkConfigs(files: readonly File[]): Finding[] {
  const [online, offline] = ["deno.json", "deno.offline.json"].map((name) =>
    JSON.parse(files.find(({ path }) => path === name)?.text ?? "{}") as Record<string, unknown>
  );
  const keys = new Set([...Object.keys(online), ...Object.keys(offline)]);
  keys.delete("links");
  return [...keys]
    .filter((key) => JSON.stringify(online[key]) !== JSON.stringify(offline[key]))
    .map((key) => ({
      path: "deno.offline.json",
      message: `differs from deno.json in "${key}": only "links" may differ`,
    }));
}

/** Reads the files of the tree that the rules speak of. */
export function readTree(root: URL): File[] {
  const files: File[] = [];
  const walk = (folder: string) => {
    for (const { name, isDirectory } of Deno.readDirSync(new URL(folder, root))) {
      if (name.startsWith(".") || name === "node_modules" || name === "coverage") continue;
      if (isDirectory) walk(`${folder}${name}/`);
      else if (/\.(ts|json)$/.test(name)) {
        const path = `${folder}${name}`;
        files.push({ path, text: Deno.readTextFileSync(new URL(path, root)) });
      }
    }
  };
  walk("");
  return files.sort((a, b) => a.path < b.path ? -1 : 1);
}

if (import.meta.main) {
  const findings = checkTree(readTree(new URL("../", import.meta.url)));
  for (const { path, message } of findings) console.error(`${path}: ${message}`);
  Deno.exit(findings.length === 0 ? 0 : 1);
}
