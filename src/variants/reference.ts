/** The variant that all others are measured against, by name. In a file of its own, so that a page can have it alone. */
export const REFERENCE_VARIANT = 'full';
