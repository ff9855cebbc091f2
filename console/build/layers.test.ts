// @vitest-environment node
import { fileURLToPath } from "node:url";
import { ESLint } from "eslint";
import { expect, test, vi } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

// Reading the linter's settings and every type takes its time on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

// Only the layers are asked: types of what a file does not say cannot be known.
const eslint = new ESLint({ cwd: root, ruleFilter: ({ ruleId }) => ruleId.startsWith("boundaries/") });

/** What the linter says of a file that holds this line and nothing else. */
async function told(file: string, line: string): Promise<string[]> {
  const [result] = await eslint.lintText(line, { filePath: `${root}${file}`, warnIgnored: true });
  return (result?.messages ?? []).map((message) => message.ruleId ?? message.message);
}

test.each([
  ["a feature that imports another", "src/features/models/page.tsx", "../overview/page"],
  ["a feature that imports another by its alias", "src/features/models/page.tsx", "@/features/overview/page"],
  ["shared that imports a feature", "src/shared/session.ts", "@/features/overview/page"],
  ["shared that imports the app", "src/shared/session.ts", "@/app/pages"],
  ["a feature that imports the app", "src/features/models/page.tsx", "@/app/pages"],
])("%s is caught", async (_, file, imported) => {
  expect(await told(file, `import "${imported}";\n`)).toEqual(["boundaries/element-types"]);
});

test.each([
  ["the app knows features", "src/app/pages.ts", "@/features/overview/page"],
  ["features know shared", "src/features/models/page.tsx", "@/shared/session"],
  ["a feature knows itself", "src/features/models/page.tsx", "./ModelsPage"],
])("%s", async (_, file, imported) => {
  expect(await told(file, `import "${imported}";\n`)).toEqual([]);
});
