import { assertEquals, assertMatch, assertNotEquals, assertStrictEquals } from "@std/assert";
import { formDataToBlob } from "../../../http/web/form_data.ts";

Deno.test("a form reads back as it was written", async () => {
  const form = new FormData();
  form.append("text", "é");
  form.append("text", "second");
  form.append("file", new File(["content\n"], "a.txt", { type: "text/x" }));
  form.append("blob", new Blob([Uint8Array.of(0, 255)]));
  const blob = formDataToBlob(form);
  const { type } = blob;
  const back = await new Response(blob, { headers: { "content-type": type } }).formData();
  assertEquals(back.getAll("text"), ["é", "second"]);
  const file = back.get("file") as File;
  assertStrictEquals(file.name, "a.txt");
  assertStrictEquals(file.type, "text/x");
  assertStrictEquals(await file.text(), "content\n");
  assertEquals(await (back.get("blob") as File).bytes(), Uint8Array.of(0, 255));
});

Deno.test("a name in a form cannot end its line or its quotes", async () => {
  const form = new FormData();
  form.append('a"\r\nX: y', "v\n");
  form.append("b", new File(["f"], 'n"\n'));
  const text = await formDataToBlob(form).text();
  const lines = text.split("\r\n");
  assertStrictEquals(lines[1], 'Content-Disposition: form-data; name="a%22%0D%0AX: y"');
  assertEquals(lines.slice(2, 5), ["", "v", ""]);
  assertStrictEquals(lines[6], 'Content-Disposition: form-data; name="b"; filename="n%22%0A"');
  assertStrictEquals(lines[7], "Content-Type: application/octet-stream");
});

Deno.test("an empty form is its closing line, and each form has a boundary of its own", async () => {
  const [one, other] = [formDataToBlob(new FormData()), formDataToBlob(new FormData())];
  assertMatch(await one.text(), /^------plumb-[0-9a-f]{32}--\r\n$/);
  assertNotEquals(one.type, other.type);
});
