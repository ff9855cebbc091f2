/** Pictures and files to send along: read in the browser, checked by the gateway. */
import type { Schema } from "@/shared/api/client";

export interface Attachment {
  id: number;
  name: string;
  size: number;
  /** Of a picture: a data URL to show it by. */
  picture: string | null;
  form: Schema["AttachmentForm"];
}

/** What the gateway takes; a file without a type of its own may still be a text. */
export const ACCEPTED =
  "image/png,image/jpeg,image/gif,image/webp,application/pdf,application/json,text/*,.md,.csv,.log,.toml,.yaml,.yml,.py,.ts,.tsx,.rs,.go,.sql";

let next = 1;

export async function attach(file: File): Promise<Attachment> {
  const about = { id: next++, name: file.name, size: file.size };
  if (/^image\/(png|jpeg|gif|webp)$/.test(file.type) || file.type === "application/pdf") {
    const data = await asDataUrl(file);
    const picture = file.type.startsWith("image/") ? data : null;
    return { ...about, picture, form: { name: file.name, data, text: null } };
  }
  const text = await file.text();
  if (text.includes("\u0000")) {
    throw new Error(`${file.name} is neither a picture, a PDF nor a text; those can be sent along.`);
  }
  return { ...about, picture: null, form: { name: file.name, data: null, text } };
}

function asDataUrl(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const read = new FileReader();
    read.onload = () => resolve(read.result as string);
    read.onerror = () => reject(new Error(`${file.name} cannot be read.`));
    read.readAsDataURL(file);
  });
}
