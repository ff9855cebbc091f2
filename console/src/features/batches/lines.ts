/** Files of requests: what the first line asks for, and one to begin with. */

export const ENDPOINTS = [
  "/v1/chat/completions",
  "/v1/responses",
  "/v1/embeddings",
  "/v1/completions",
  "/v1/messages",
] as const;
export type Endpoint = (typeof ENDPOINTS)[number];

const isEndpoint = (value: unknown): value is Endpoint => (ENDPOINTS as readonly unknown[]).includes(value);

/** What the first line of a file asks for, or what is wrong with it. */
export function firstOf(text: string): { endpoint: Endpoint } | { problem: string } {
  const line = text
    .replace(/^\uFEFF/, "")
    .split("\n")
    .find((one) => one.trim() !== "");
  if (line === undefined) return { problem: "The file is empty." };
  let said: unknown;
  try {
    said = JSON.parse(line);
  } catch {
    return { problem: "Its first line is not JSON. A batch has one request in each line." };
  }
  const url = typeof said === "object" && said !== null && "url" in said ? said.url : undefined;
  if (!isEndpoint(url)) {
    return { problem: `Its first line has no “url” that can be batched: ${ENDPOINTS.join(", ")}.` };
  }
  return { endpoint: url };
}

const request = (id: string, text: string) => ({
  custom_id: id,
  method: "POST",
  url: "/v1/chat/completions",
  body: { model: "auto", messages: [{ role: "user", content: text }] },
});

/** Two requests that work wherever anything does. */
export const SAMPLE = [
  request("greeting-1", "Say hello in Portuguese."),
  request("greeting-2", "Say hello in Korean."),
]
  .map((line) => `${JSON.stringify(line)}\n`)
  .join("");

/** The same for a terminal. */
export const asCurl = (origin: string): string =>
  [
    `curl ${origin}/v1/files -H "Authorization: Bearer $WYE_KEY" \\`,
    `  -F purpose=batch -F file=@lines.jsonl`,
    `curl ${origin}/v1/batches -H "Authorization: Bearer $WYE_KEY" \\`,
    `  -H "Content-Type: application/json" \\`,
    `  -d '{"input_file_id": "file-…", "completion_window": "24h",`,
    `       "endpoint": "/v1/chat/completions"}'`,
  ].join("\n");
