/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A module that does nothing, and of which one thing is wrong: what the macros say. */
#include "kit.h"

#ifndef HEAD
#define HEAD RELAY_MODULE_HEAD
#endif
#ifndef NAME
#define NAME "bare"
#endif
#ifndef HOOKS_BYTES
#define HOOKS_BYTES sizeof(struct relay_hooks)
#endif

/* Runs when the file is loaded, so it must not run if the versions are wrong. */
__attribute__((constructor)) static void on_load(void)
{
    trace("constructor");
}

#ifdef MISSING_FUNCTION
void relay_from_the_future(void);
static void start(void)
{
    relay_from_the_future();
}
#endif

static const struct relay_hooks hooks = {.size = HOOKS_BYTES};

#if defined IN_BSS
RELAY_EXPORT struct relay_module relay_module;
RELAY_EXPORT const struct relay_hooks *const used = &hooks;
#elif defined NO_DESCRIPTOR
RELAY_EXPORT const struct relay_hooks *other_symbol = &hooks;
#else
RELAY_MODULE = {
    HEAD,
    .name = NAME,
    .version = "1.0",
    .hooks = &hooks,
#ifdef MISSING_FUNCTION
    .stop = (void (*)(struct relay_self *))start,
#endif
};
#endif
