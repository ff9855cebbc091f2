/** The same question for a terminal or a program. */
import { type Asking, bodyOf } from "./asking";

const KEY = "$WYE_KEY";

/** What is asked by programs: OpenAI's form, except where the gateway itself runs tools or an agent. */
function requestOf(asking: Asking, prompt: string): { path: string; body: Record<string, unknown> } {
  if (asking.agent || asking.tools !== null) {
    const { instructions } = asking;
    return {
      path: "/api/chat/message",
      body: { message: prompt, ...bodyOf(asking), ...(instructions && { instructions }) },
    };
  }
  const messages = [
    ...(asking.instructions ? [{ role: "system", content: asking.instructions }] : []),
    { role: "user", content: prompt },
  ];
  return {
    path: "/v1/chat/completions",
    body: {
      model: asking.model,
      messages,
      ...(asking.temperature !== null && { temperature: asking.temperature }),
      ...(asking.topP !== null && { top_p: asking.topP }),
      ...(asking.maxTokens !== null && { max_tokens: asking.maxTokens }),
      ...(asking.seed !== null && { seed: asking.seed }),
      ...(asking.effort && { reasoning_effort: asking.effort }),
    },
  };
}

export function asCurl(asking: Asking, prompt: string, origin: string): string {
  const { path, body } = requestOf(asking, prompt);
  const text = JSON.stringify(body, null, 2).replaceAll("'", String.raw`'\''`);
  return [
    `curl ${origin}${path} \\`,
    `  -H "Authorization: Bearer ${KEY}" \\`,
    `  -H "Content-Type: application/json" \\`,
    `  -d '${text}'`,
  ].join("\n");
}

export function asPython(asking: Asking, prompt: string, origin: string): string {
  const { path, body } = requestOf(asking, prompt);
  if (path !== "/v1/chat/completions") {
    return [
      "import os",
      "",
      "import httpx",
      "",
      "answer = httpx.post(",
      `    ${literal(origin + path)},`,
      '    headers={"Authorization": f"Bearer {os.environ[\'WYE_KEY\']}"},',
      `    json=${indented(literal(body), 4)},`,
      "    timeout=120,",
      ")",
      "answer.raise_for_status()",
      'print(answer.json()["response"])',
    ].join("\n");
  }
  const rows = Object.entries(body).map(([name, value]) => `    ${name}=${indented(literal(value), 4)},`);
  return [
    "import os",
    "",
    "from openai import OpenAI",
    "",
    `client = OpenAI(base_url=${literal(`${origin}/v1`)}, api_key=os.environ["WYE_KEY"])`,
    "answer = client.chat.completions.create(",
    ...rows,
    ")",
    "print(answer.choices[0].message.content)",
  ].join("\n");
}

/** A value as Python writes it: numbers, text, lists and objects of them are as in JSON. */
function literal(value: unknown): string {
  return JSON.stringify(value, null, 4);
}

function indented(text: string, by: number): string {
  return text.replaceAll("\n", `\n${" ".repeat(by)}`);
}
