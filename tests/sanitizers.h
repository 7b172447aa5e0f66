/* SPDX-License-Identifier: MIT
 *
 * sanitizers: what the run-time libraries of the sanitizers ask a program at its start; see sanitizers.c.
 */
#ifndef TESTS_SANITIZERS_H
#define TESTS_SANITIZERS_H

#define SANITIZER_HOOK __attribute__((visibility("default"), used))

/* Each returns a constant: options as in the environment variable of that sanitizer, or lines of a suppression file. */
SANITIZER_HOOK const char *__asan_default_options(void);
SANITIZER_HOOK const char *__tsan_default_options(void);
SANITIZER_HOOK const char *__ubsan_default_options(void);
SANITIZER_HOOK const char *__tsan_default_suppressions(void);

#endif
