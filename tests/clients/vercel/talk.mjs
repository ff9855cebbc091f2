// Talks to a gateway with Vercel's AI SDK as an application would: `node talk.mjs <base URL> <what>`; prints JSON.

import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { generateText, isStepCount, Output, streamText, tool } from 'ai'
import { z } from 'zod'

const [baseURL, what] = process.argv.slice(2)
const wye = createOpenAICompatible({ name: 'wye', baseURL, apiKey: 'unused', includeUsage: true, supportsStructuredOutputs: true })
const model = wye('mock-fast')

const capital = tool({
  description: 'The capital of a country',
  inputSchema: z.object({ country: z.string() }),
  execute: async ({ country }) => `Paris is the capital of ${country}`,
})

const talks = {
  async generate() {
    const { text, finishReason, usage } = await generateText({ model, prompt: 'one two three' })
    return { text, finishReason, input: usage.inputTokens, output: usage.outputTokens }
  },

  async stream() {
    const result = streamText({ model, prompt: 'one two three' })
    const pieces = []
    for await (const piece of result.textStream) pieces.push(piece)
    const usage = await result.usage
    return { pieces, finishReason: await result.finishReason, input: usage.inputTokens, output: usage.outputTokens }
  },

  async 'generate-tool'() {
    const { text, steps } = await generateText({
      model, tools: { capital }, stopWhen: isStepCount(3), prompt: 'Ask capital about France.',
    })
    return { text, calls: steps.flatMap((step) => step.toolCalls.map(({ toolName, input }) => ({ toolName, input }))) }
  },

  async 'stream-tool'() {
    const result = streamText({
      model, tools: { capital }, stopWhen: isStepCount(3), prompt: 'Ask capital about France.',
    })
    const kinds = []
    for await (const part of result.fullStream) if (part.type.startsWith('tool-')) kinds.push(part.type)
    return { text: await result.text, kinds }
  },

  async object() {
    const { output } = await generateText({
      model, output: Output.object({ schema: z.object({ city: z.string(), inhabitants: z.number() }) }), prompt: 'A city?',
    })
    return output
  },

  async error() {
    try {
      await generateText({ model: wye('none-such'), prompt: 'Hi', maxRetries: 0 })
    } catch (error) {
      return { name: error.name, status: error.statusCode, message: error.message, retryable: error.isRetryable }
    }
  },
}

console.log(JSON.stringify(await talks[what]()))
