/** What a file holds, by the end of its name. */

// The registered name first (IANA media types), then the ends of file names. What is text to a
// reader but not `text/*` says its own encoding, or is UTF-8 by its specification.
const table = `
application/epub+zip epub
application/gzip gz tgz
application/json json map
application/ld+json jsonld
application/manifest+json webmanifest
application/msword doc
application/ogg ogx
application/pdf pdf
application/rtf rtf
application/toml toml
application/vnd.ms-excel xls
application/vnd.ms-powerpoint ppt
application/vnd.oasis.opendocument.presentation odp
application/vnd.oasis.opendocument.spreadsheet ods
application/vnd.oasis.opendocument.text odt
application/vnd.openxmlformats-officedocument.presentationml.presentation pptx
application/vnd.openxmlformats-officedocument.spreadsheetml.sheet xlsx
application/vnd.openxmlformats-officedocument.wordprocessingml.document docx
application/vnd.sqlite3 sqlite
application/wasm wasm
application/x-7z-compressed 7z
application/x-bzip2 bz2
application/x-tar tar
application/x-xz xz
application/xhtml+xml xhtml
application/yaml yaml yml
application/zip zip
application/zstd zst
audio/aac aac
audio/flac flac
audio/midi mid midi
audio/mp4 m4a
audio/mpeg mp3
audio/ogg oga ogg opus
audio/wav wav
audio/webm weba
font/otf otf
font/ttf ttf
font/woff woff
font/woff2 woff2
image/apng apng
image/avif avif
image/bmp bmp
image/gif gif
image/heic heic
image/jpeg jpeg jpg
image/jxl jxl
image/png png
image/svg+xml svg
image/tiff tif tiff
image/vnd.microsoft.icon ico
image/webp webp
message/rfc822 eml
model/gltf+json gltf
model/gltf-binary glb
text/calendar ics
text/css css
text/csv csv
text/html htm html
text/javascript cjs js mjs
text/markdown markdown md
text/plain conf log text txt
text/tab-separated-values tsv
text/vcard vcf
text/vtt vtt
text/xml xml
video/3gpp 3gp
video/mp2t m2ts
video/mp4 m4v mp4
video/mpeg mpeg mpg
video/ogg ogv
video/quicktime mov
video/webm webm
video/x-matroska mkv
video/x-msvideo avi
`;

const types = new Map<string, string>();
for (const line of table.trim().split("\n")) {
  const [type, ...ends] = line.split(" ");
  const full = type.startsWith("text/") ? `${type}; charset=utf-8` : type;
  for (const end of ends) types.set(end, full);
}

/**
 * The media type of a file, by what follows the last dot of its name, in any case. As Go's
 * `mime.TypeByExtension`.
 *
 * @param name The name, or a path.
 * @returns The type, for text with `charset=utf-8`; `application/octet-stream` for an unknown one.
 */
export function mediaType(name: string): string {
  const dot = name.lastIndexOf(".");
  const end = dot < 0 ? "" : name.slice(dot + 1).toLowerCase();
  return types.get(end) ?? "application/octet-stream";
}
