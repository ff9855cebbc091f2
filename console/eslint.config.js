import js from "@eslint/js";
import boundaries from "eslint-plugin-boundaries";
import a11y from "eslint-plugin-jsx-a11y";
import hooks from "eslint-plugin-react-hooks";
import globals from "globals";
import ts from "typescript-eslint";

/** Who may import whom: the app knows features, features know shared, shared knows itself; features never each other. */
export const layers = {
  plugins: { boundaries },
  settings: {
    "import/resolver": { typescript: { project: import.meta.dirname } },
    "boundaries/elements": [
      { type: "app", pattern: "src/app", mode: "folder" },
      { type: "feature", pattern: "src/features/*", mode: "folder", capture: ["name"] },
      { type: "shared", pattern: "src/shared", mode: "folder" },
    ],
  },
  rules: {
    "boundaries/no-unknown": "error",
    "boundaries/element-types": [
      "error",
      {
        default: "disallow",
        rules: [
          { from: "app", allow: ["app", "feature", "shared"] },
          { from: "feature", allow: ["shared", ["feature", { name: "${from.name}" }]] },
          { from: "shared", allow: ["shared"] },
        ],
      },
    ],
  },
};

export default ts.config(
  { ignores: ["src/shared/api/schema.d.ts", "node_modules"] },
  js.configs.recommended,
  ...ts.configs.strictTypeChecked,
  a11y.flatConfigs.strict,
  hooks.configs.flat["recommended-latest"],
  {
    languageOptions: {
      globals: globals.browser,
      parserOptions: {
        projectService: { allowDefaultProject: ["eslint.config.js"] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      // Handlers that return a promise report their errors through the query client.
      "@typescript-eslint/no-misused-promises": ["error", { checksVoidReturn: false }],
      "@typescript-eslint/no-non-null-assertion": "off",
      // A region that scrolls must be reachable by keyboard.
      "jsx-a11y/no-noninteractive-tabindex": ["error", { roles: ["tabpanel", "region", "group"], tags: [] }],
      "max-lines": ["error", 500],
      "no-restricted-properties": [
        "error",
        {
          property: "dangerouslySetInnerHTML",
          message: "Render React elements; the policy and the reader will thank you.",
        },
      ],
    },
  },
  { files: ["src/**/*.{ts,tsx}"], ...layers },
  { files: ["eslint.config.js", "public/*.js"], ...ts.configs.disableTypeChecked },
  {
    files: ["src/shared/ui/**", "src/shared/books/**", "src/shared/**/*.test.tsx"],
    rules: { "jsx-a11y/no-autofocus": "off" },
  },
);
