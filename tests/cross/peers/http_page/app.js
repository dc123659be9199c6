/** Tries what a browser can do with a server, shows what came of it, and posts it to the server. */

const text = async (path, init) => (await fetch(path, init)).text();

const attempts = {
  style: () => getComputedStyle(document.body).color,

  async image() {
    const picture = document.getElementById("picture");
    await picture.decode();
    return picture.naturalWidth;
  },

  /** The server ends the stream now and then: the browser goes on where it has stopped. */
  events: () =>
    new Promise((resolve) => {
      const seen = [];
      const source = new EventSource("/events");
      source.onmessage = ({ data, lastEventId }) => {
        seen.push(`${lastEventId}=${data}`);
        if (seen.length < 6) return;
        source.close();
        resolve(seen.join(" "));
      };
    }),

  json: () => text("/json", { method: "POST", body: JSON.stringify({ n: 1 }) }),

  async form() {
    const form = new FormData();
    form.set("name", "käse");
    form.set("file", new File([new Uint8Array(1_000_000).fill(7)], "sevens.bin"));
    return await text("/form", { method: "POST", body: form });
  },

  /** The next part is sent when the one before was seen. */
  async stream() {
    const { body } = await fetch("/stream");
    const parts = [];
    for (const reader = body.pipeThrough(new TextDecoderStream()).getReader();;) {
      const { done, value } = await reader.read();
      if (done) return parts.join(" ");
      parts.push(value);
      await fetch("/stream/seen", { method: "POST" });
    }
  },

  async many() {
    const paths = Array.from({ length: 100 }, (_, i) => `/many/${i}`);
    const answers = await Promise.all(paths.map((path) => text(path)));
    return answers.every((answer, i) => answer === paths[i]);
  },

  async range() {
    const response = await fetch("/app.js", { headers: { range: "bytes=0-2" } });
    return `${response.status} ${await response.text()}`;
  },

  /** The browser asks whether its copy is still good, and the server says so. */
  async cached() {
    await text("/style.css", { cache: "no-cache" });
    const { status } = await fetch("/style.css", { cache: "no-cache" });
    return status;
  },

  async cookies() {
    await text("/cookie");
    return document.cookie;
  },

  async head() {
    const { headers } = await fetch("/picture.svg", { method: "HEAD" });
    return `${headers.get("content-type")} ${headers.get("content-length")}`;
  },

  async redirect() {
    const { url, redirected } = await fetch("/picture", { redirect: "follow" });
    return `${redirected} ${new URL(url).pathname}`;
  },

  async abort() {
    const controller = new AbortController();
    const { body } = await fetch("/endless", { signal: controller.signal });
    await body.getReader().read();
    controller.abort();
    return await text("/endless/gone");
  },

  /** Answered before the body was read. */
  async refused() {
    const body = new Uint8Array(3_000_000);
    const { status } = await fetch("/refused", { method: "POST", body });
    return status;
  },

  socket: () =>
    new Promise((resolve) => {
      const socket = new WebSocket("/socket");
      socket.onopen = () => socket.send("hello");
      socket.onmessage = ({ data }) => socket.close(1000, data);
      socket.onclose = ({ code, reason }) => resolve(`${code} ${reason}`);
    }),
};

const results = {};
for (const [name, attempt] of Object.entries(attempts)) {
  results[name] = await Promise.resolve().then(attempt).catch(String);
}
document.getElementById("results").textContent = JSON.stringify(results);
await fetch("/results", { method: "POST", body: JSON.stringify(results) });
