/** A page cannot ask for instructions that its browser does not offer. */

export function offerFusedVectors(): void {}
