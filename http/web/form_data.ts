/** Forms with files, as they are sent (RFC 7578). */

/**
 * A form as the body of a message, in `multipart/form-data`.
 *
 * @param form The form.
 * @returns A blob whose type names the boundary.
 */
export function formDataToBlob(form: FormData): Blob {
  const boundary = `----plumb-${crypto.randomUUID().replaceAll("-", "")}`;
  const parts: (string | Blob)[] = [];
  for (const [name, value] of form) {
    const disposition = `--${boundary}\r\nContent-Disposition: form-data; name="${
      quoted(lines(name))
    }"`;
    if (typeof value === "string") {
      parts.push(`${disposition}\r\n\r\n${lines(value)}\r\n`);
    } else {
      const type = value.type || "application/octet-stream";
      parts.push(
        `${disposition}; filename="${quoted(value.name)}"\r\nContent-Type: ${type}\r\n\r\n`,
        value,
        "\r\n",
      );
    }
  }
  parts.push(`--${boundary}--\r\n`);
  return new Blob(parts, { type: `multipart/form-data; boundary=${boundary}` });
}

/** Line ends as CRLF, as the HTML standard asks of names and text values. */
function lines(text: string): string {
  return text.replace(/\r\n|\r|\n/g, "\r\n");
}

/** What would end the quotes or the line, as browsers write it. */
function quoted(text: string): string {
  return text.replaceAll("\r", "%0D").replaceAll("\n", "%0A").replaceAll('"', "%22");
}
