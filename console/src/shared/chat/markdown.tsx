/** Markdown as elements: what a model wrote is never HTML. Loaded with the first answer that is shown. */
import bash from "highlight.js/lib/languages/bash";
import css from "highlight.js/lib/languages/css";
import diff from "highlight.js/lib/languages/diff";
import go from "highlight.js/lib/languages/go";
import ini from "highlight.js/lib/languages/ini";
import java from "highlight.js/lib/languages/java";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import python from "highlight.js/lib/languages/python";
import rust from "highlight.js/lib/languages/rust";
import sql from "highlight.js/lib/languages/sql";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";
import { type ReactElement, type ReactNode, isValidElement, memo } from "react";
import { createLowlight } from "lowlight";
import Parsed, { type Components } from "react-markdown";
import gfm from "remark-gfm";
import { CopyButton } from "@/shared/ui/copy";
import "./markdown.css";

const lowlight = createLowlight({
  bash,
  css,
  diff,
  go,
  ini,
  java,
  javascript,
  json,
  python,
  rust,
  sql,
  typescript,
  xml,
  yaml,
});
lowlight.registerAlias({ bash: ["shell", "console"], ini: ["toml"] });

type Node = ReturnType<typeof lowlight.highlight>["children"][number];

/** What is read of a program, as elements; as text alone where nobody knows its language. */
function coloured(text: string, language: string): ReactNode {
  return lowlight.registered(language) ? lowlight.highlight(language, text).children.map(element) : text;
}

function element(node: Node, at: number): ReactNode {
  if (node.type === "text") return node.value;
  if (node.type !== "element") return null;
  const names = node.properties.className;
  return (
    <span key={at} className={Array.isArray(names) ? names.join(" ") : undefined}>
      {(node.children as Node[]).map(element)}
    </span>
  );
}

const components: Components = {
  a: ({ href, children }) => (
    <a href={href} target="_blank" rel="noreferrer noopener">
      {children}
    </a>
  ),
  // The policy shows no picture of another host, and its address would tell that host who reads.
  img: ({ src, alt }) =>
    typeof src === "string" && /^https?:/.test(src) ? (
      <a href={src} target="_blank" rel="noreferrer noopener">
        {alt || "picture"}
      </a>
    ) : (
      alt
    ),
  pre: ({ children }) => <Block>{children}</Block>,
  // Models leave the corner of a table empty; a heading of nothing is none.
  th: ({ children }) => (children == null ? <td /> : <th scope="col">{children}</th>),
  table: ({ children }) => (
    <div tabIndex={0} role="group" aria-label="Table" className="markdown-table">
      <table>{children}</table>
    </div>
  ),
};

function Block({ children }: { children: ReactNode }) {
  const code = isValidElement(children)
    ? (children as ReactElement<{ className?: string; children?: ReactNode }>)
    : null;
  const text = plain(children).replace(/\n$/, "");
  const language = /language-([\w+#-]+)/.exec(code?.props.className ?? "")?.[1] ?? "";
  return (
    <div className="markdown-code">
      <div className="markdown-code-head">
        <span>{language || "text"}</span>
        <CopyButton text={text} label="Copy the code" />
      </div>
      <pre tabIndex={0} role="group" aria-label={`Code${language ? `, ${language}` : ""}`}>
        <code>{coloured(text, language)}</code>
      </pre>
    </div>
  );
}

function plain(node: ReactNode): string {
  if (typeof node === "string" || typeof node === "number") return String(node);
  if (Array.isArray(node)) return node.map((one) => plain(one as ReactNode)).join("");
  return isValidElement(node) ? plain((node as ReactElement<{ children?: ReactNode }>).props.children) : "";
}

export default memo(function Markdown({ text }: { text: string }) {
  return (
    <div className="markdown">
      <Parsed components={components} remarkPlugins={[gfm]}>
        {text}
      </Parsed>
    </div>
  );
});
