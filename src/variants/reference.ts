/** The name of the variant that all others are measured against. It has its own file so that a page can load it alone. */
export const REFERENCE_VARIANT = 'full';
