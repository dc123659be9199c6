import { assertEquals } from "@std/assert";
import { escapeHtml } from "../../http/html.ts";

Deno.test("escapeHtml() escapes what ends an element, an attribute or a reference", () => {
  assertEquals(
    escapeHtml(`<a b="c" d='e'>&amp;</a> \u{e9}`),
    "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;amp;&lt;/a&gt; \u{e9}",
  );
});
