// Talks to the gateway whose address is the first argument, by every way the tests ask about; prints what it heard.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, generateText, Output, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

const wye = createOpenAICompatible({
  name: "wye",
  baseURL: `${process.argv[2]}/v1`,
  apiKey: "none",
  includeUsage: true,
  supportsStructuredOutputs: true,
});
const model = wye("mock-fast");
const maxRetries = 0;
const tools = {
  weather: tool({
    description: "Tell the weather of a city.",
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => `rain in ${city}`,
  }),
};
const directed = (mock) => ({ providerOptions: { wye: { mock } } });
const tokens = ({ inputTokens, outputTokens }) => [inputTokens, outputTokens];
const steps = (all) =>
  all.map((step) => ({
    finish: step.finishReason,
    calls: step.toolCalls.map(({ toolName, input }) => ({ toolName, input })),
    results: step.toolResults.map(({ output }) => output),
    text: step.text,
  }));

async function collect(stream) {
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  return pieces;
}

async function whole() {
  const { text, finishReason, usage, reasoningText, response } = await generateText({
    model,
    maxRetries,
    prompt: "Hello",
    ...directed({ reasoning: "Let me think." }),
  });
  return { text, finishReason, usage: tokens(usage), reasoningText, model: response.modelId };
}

async function streamed() {
  const result = streamText({ model, maxRetries, prompt: "Hello" });
  const pieces = await collect(result.textStream);
  return { pieces, finishReason: await result.finishReason, usage: tokens(await result.usage) };
}

async function toolLoop() {
  const result = await generateText({
    model,
    maxRetries,
    tools,
    stopWhen: stepCountIs(3),
    prompt: "How is the weather?",
  });
  return steps(result.steps);
}

async function streamedToolLoop() {
  const result = streamText({ model, maxRetries, tools, stopWhen: stepCountIs(3), prompt: "How is the weather?" });
  await result.consumeStream();
  return steps(await result.steps);
}

async function structured() {
  const schema = z.object({ city: z.string(), degrees: z.number().int() });
  const { output } = await generateText({ model, maxRetries, output: Output.object({ schema }), prompt: "Hello" });
  return output;
}

async function unknownModel() {
  try {
    await generateText({ model: wye("none-such"), maxRetries, prompt: "Hello" });
  } catch (error) {
    return { isCallError: APICallError.isInstance(error), status: error.statusCode, message: error.message };
  }
}

async function cut() {
  const errors = [];
  const result = streamText({
    model,
    maxRetries,
    prompt: "Hello",
    ...directed({ reply: "one two three", cut_after: 2 }),
    onError: ({ error }) => errors.push(String(error.message ?? error)),
  });
  const parts = await collect(result.fullStream);
  return { text: parts.filter(({ type }) => type === "text-delta").map(({ text }) => text), errors };
}

const scenes = { whole, streamed, toolLoop, streamedToolLoop, structured, unknownModel, cut };
const heard = {};
for (const [name, scene] of Object.entries(scenes)) heard[name] = await scene();
console.log(JSON.stringify(heard));
