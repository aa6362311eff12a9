// For loops over plain arrays that the compiler can turn into vector instructions.
#pragma once

// Compiled once for each level of vector instructions, chosen when the library is loaded.
// Without traps on NaN, choices between two numbers (x < a ? a : x) need no branch.
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define GRAFT_KERNEL \
  __attribute__((optimize("O3", "no-trapping-math"), target_clones("avx512f", "avx2", "default")))
#else
#define GRAFT_KERNEL
#endif

// For what such a loop calls: it must become part of each of the compiled versions.
#if defined(__GNUC__)
#define GRAFT_INLINE inline __attribute__((always_inline))
#else
#define GRAFT_INLINE inline
#endif
