/** What is wrong with the words of a command: said in one line, without a trace. */
export class Refusal extends Error {}
