/** `ServeMux` against Go's own, on random patterns and requests. */
import { assert, assertEquals } from "@std/assert";
import { ServeMux } from "../../http/routing/mux.ts";
import type { HandlerInfo } from "../../http/handler.ts";
import { type Asked, Choices, randomPattern, randomRequest, requestOf } from "../support/routes.ts";

interface Answer {
  status: number;
  pattern: string;
  params: Record<string, string>;
  location: string;
  allow: string;
}

interface Result {
  taken: boolean[];
  answers: Answer[];
}

interface Case {
  patterns: string[];
  requests: Asked[];
}

/** A Go with patterns, which came with 1.22: the default one, or where Debian puts others. */
function findGo(): { command: string; minor: number } | undefined {
  const versions = [26, 25, 24, 23, 22].map((minor) => `/usr/lib/go-1.${minor}/bin/go`);
  for (const command of ["go", ...versions]) {
    try {
      const { stdout } = new Deno.Command(command, { args: ["version"] }).outputSync();
      const minor = Number(/go1\.(\d+)/.exec(new TextDecoder().decode(stdout))?.[1]);
      if (minor >= 22) return { command, minor };
    } catch { /* the next one, then */ }
  }
  console.log("Go 1.22 or later is not installed: the test of ServeMux against it is skipped");
}

const go = findGo();

async function askGo(cases: readonly Case[]): Promise<Result[]> {
  const dir = await Deno.makeTempDir();
  try {
    const { success, stderr } = await new Deno.Command(go!.command, {
      args: ["build", "-o", `${dir}/mux`, new URL("peers/mux.go", import.meta.url).pathname],
      env: { CGO_ENABLED: "0", ...Deno.env.has("HOME") ? {} : { GOCACHE: `${dir}/cache` } },
    }).output();
    assert(success, new TextDecoder().decode(stderr));
    const child = new Deno.Command(`${dir}/mux`, { stdin: "piped", stdout: "piped" }).spawn();
    const output = child.output();
    const lines = cases.map((it) => JSON.stringify(it) + "\n").join("");
    await ReadableStream.from([new TextEncoder().encode(lines)]).pipeTo(child.stdin);
    const said = new TextDecoder().decode((await output).stdout);
    return said.trimEnd().split("\n").map((line) => JSON.parse(line));
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

async function askOurs({ patterns, requests }: Case): Promise<Result> {
  const mux = new ServeMux();
  const taken = patterns.map((pattern) => {
    try {
      mux.handle(pattern, () => new Response());
      return true;
    } catch (error) {
      assert(error instanceof TypeError);
      return false;
    }
  });
  const answers = requests.map(async (asked) => {
    const info = { pattern: "", params: {} } as HandlerInfo;
    const { status, headers } = await mux.handler(requestOf(asked), info);
    return {
      status,
      pattern: info.pattern,
      params: { ...info.params },
      location: headers.get("location") ?? "",
      allow: headers.get("allow") ?? "",
    };
  });
  return { taken, answers: await Promise.all(answers) };
}

/** Without what differs on purpose. */
function alike({ taken, answers }: Result, { requests }: Case): Result {
  return {
    taken,
    answers: answers.map((answer, i) => ({
      ...answer,
      // Up to 1.25 Go redirected with a status that lets a POST become a GET.
      status: answer.status === 301 ? 307 : answer.status,
      // Go unescapes the path it redirects to, or escapes it twice.
      location: requests[i].target.split("?")[0].includes("%") ? "" : answer.location,
    })),
  };
}

Deno.test({
  name: "ServeMux takes the patterns that Go's takes, and answers as Go's does",
  ignore: go === undefined,
  async fn() {
    const choices = new Choices(20_220);
    const literals = ["a", "b", "%61", "a%2Fb", "é"];
    const segments = ["a", "b", "c", "%62", "a%2fb", "%C3%A9", "x%20y", "a.b", ".", "..", ""];
    const cases = Array.from({ length: 400 }, () => ({
      patterns: choices.list(1, 9, () => randomPattern(choices, literals)),
      requests: choices.list(20, 20, () => randomRequest(choices, segments)),
    }));
    const odd = ["", "/", "a", "/{", "/{}", "/{x}/{x}", "/{x...}/a", "/{$}/a", "/a{x}", "/{x}a"];
    odd.push("GET", "GET /a//b", "/a//b", "GET  /c", "GET\t/d", "G(T /", "{h}/", "/{1}", "/{a-b}");
    odd.push("/{é}", "GET /a/./b", "CONNECT /a//b", "/{...}", "/{_}/x", "h/{$}", "/{$x}", "/x/{ }");
    for (const pattern of odd) cases.push({ patterns: [pattern], requests: [] });
    const answers = await askGo(cases);
    for (const [i, it] of cases.entries()) {
      const ours = alike(await askOurs(it), it);
      const go = alike(answers[i], it);
      assertEquals(ours.taken, go.taken, JSON.stringify(it.patterns));
      for (const [j, asked] of it.requests.entries()) {
        const message = `${JSON.stringify(asked)} among ${JSON.stringify(it.patterns)}`;
        assertEquals(ours.answers[j], go.answers[j], message);
      }
    }
  },
});
