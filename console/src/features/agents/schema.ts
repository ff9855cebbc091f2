/** Arguments of a tool, as its JSON schema describes them, and a first value for them. */

export interface Argument {
  name: string;
  type: string;
  required: boolean;
  about: string;
  choices: readonly string[];
  byDefault: string | null;
}

interface Node {
  type?: string | readonly string[];
  description?: string;
  enum?: readonly unknown[];
  default?: unknown;
  anyOf?: readonly Node[];
  oneOf?: readonly Node[];
  $ref?: string;
  items?: Node;
  properties?: Record<string, Node>;
  required?: readonly string[];
}

export function argumentsOf(schema: unknown): Argument[] {
  const root = schema as Node;
  const required = new Set(root.required);
  return Object.entries(root.properties ?? {}).map(([name, node]) => {
    const one = chosen(node, root);
    return {
      name,
      type: typeOf(one, root),
      required: required.has(name),
      about: node.description ?? one.description ?? "",
      choices: (one.enum ?? one.items?.enum ?? []).map(String),
      byDefault: node.default === undefined || node.default === null ? null : JSON.stringify(node.default),
    };
  });
}

/** What may be null is what it is otherwise; a reference is what it refers to. */
function chosen(node: Node, root: Node): Node {
  const options = node.anyOf ?? node.oneOf;
  if (options) return chosen(options.find((one) => one.type !== "null") ?? {}, root);
  if (node.$ref) {
    const steps = node.$ref.replace(/^#\//, "").split("/");
    const found = steps.reduce<unknown>(
      (at, step) => (at as Record<string, unknown> | undefined)?.[step],
      root,
    );
    return chosen(found ?? {}, root);
  }
  return node;
}

function typeOf(node: Node, root: Node): string {
  const name =
    typeof node.type === "string" ? node.type : (node.type?.find((one) => one !== "null") ?? "any");
  if (name === "array" && node.items) return `${typeOf(chosen(node.items, root), root)}[]`;
  return name;
}

/** The smallest arguments that fit: the required ones, with their first choice or an empty value. */
export function startOf(schema: unknown): string {
  const root = schema as Node;
  const pairs = argumentsOf(schema)
    .filter((one) => one.required)
    .map((one) => {
      const node = chosen(root.properties?.[one.name] ?? {}, root);
      const empty = { string: "", integer: 0, number: 0, boolean: false, array: [], object: {} } as Record<
        string,
        unknown
      >;
      return [
        one.name,
        node.default ?? node.enum?.[0] ?? empty[one.type.endsWith("[]") ? "array" : one.type] ?? null,
      ];
    });
  return JSON.stringify(Object.fromEntries(pairs), null, 2);
}

/** The arguments that were typed, or what is wrong with them. */
export function readArguments(text: string): { value: Record<string, unknown> } | { problem: string } {
  try {
    const value = JSON.parse(text.trim() || "{}") as unknown;
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return { value: value as Record<string, unknown> };
    }
    return { problem: "It has to be an object: { … }" };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : "This is not JSON." };
  }
}
