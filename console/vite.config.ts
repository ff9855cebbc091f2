import { fileURLToPath } from "node:url";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { compress } from "./build/compress.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const gateway = process.env.WYE_URL ?? "http://127.0.0.1:8080";

export default defineConfig({
  base: "/console/",
  plugins: [react(), tailwindcss(), compress()],
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
  },
  server: { proxy: { "/api": gateway, "/v1": gateway, "/readyz": gateway } },
  test: {
    environment: "jsdom",
    include: ["src/**/*.test.{ts,tsx}", "build/**/*.test.ts"],
    setupFiles: ["src/shared/lib/test-setup.ts"],
    restoreMocks: true,
    env: { TZ: "UTC" },
  },
});
