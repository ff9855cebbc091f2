import { fileURLToPath } from "node:url";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { boot } from "./build/boot.ts";
import { compress } from "./build/compress.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const BASE =
  /node_modules\/(react|react-dom|scheduler|use-\w+|@tanstack\/(history|(react-)?(query|router|store)(-core)?)|@radix-ui|@floating-ui|react-\w+-scroll.*|aria-hidden|tslib|clsx|tailwind-merge)\//;
const KIT =
  /\/src\/shared\/(session|(lib|api)\/|ui\/(?!table|combobox|tokens|chart|time-chart))|\/lucide-react\//;
const gateway = process.env.WYE_URL ?? "http://127.0.0.1:8080";

export default defineConfig({
  base: "/console/",
  plugins: [react(), tailwindcss(), boot(), compress()],
  resolve: {
    alias: {
      "@": here("./src"),
      // It writes <style> elements, which the Content-Security-Policy forbids; app.css says the same once.
      "react-style-singleton": here("./src/shared/lib/style-singleton.ts"),
    },
  },
  build: {
    outDir: here("../src/wye/gateway/web"),
    emptyOutDir: true,
    target: "es2022",
    // A data: URL is a source that the policy would have to allow.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: {
      output: {
        codeSplitting: {
          // What every page stands on, what many have in common, and by themselves the large parts that only some need:
          // few files, since each costs a way there and back, and none with what nobody waits for.
          groups: [
            { name: "base", test: BASE, priority: 3 },
            { name: "kit", test: KIT, minShareCount: 3, priority: 2 },
            { name: "table", test: /\/shared\/ui\/table|@tanstack\/(react-)?(table|virtual)/, priority: 1 },
            { name: "choosing", test: /\/shared\/ui\/combobox|\/cmdk\//, priority: 1 },
          ],
        },
      },
    },
  },
  server: { proxy: { "/api": gateway, "/v1": gateway, "/readyz": gateway } },
  test: {
    environment: "node",
    setupFiles: ["src/shared/lib/test-setup.ts"],
    include: ["src/**/*.test.{ts,tsx}", "build/**/*.test.ts"],
    restoreMocks: true,
    env: { TZ: "UTC" },
  },
});
