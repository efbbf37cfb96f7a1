/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* moq-lua-test: runs tests of scripts, which are scripts themselves, without a relay. They are in a
 * sandbox as well, with more time.
 * Tested by tests/e2e/test_lua_tools.py. */
#include <getopt.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua/host/require.h"
#include "lua/host/sandbox.h"
#include "lua/test/policy.h"

#define FILE_BUDGET_NS UINT64_C(60000000000)
enum { EXIT_USAGE = 2, DIRECTORIES_MAX = 16, FILE_MEMORY_BYTES = 256 << 20 };

struct run { /* of one file of tests */
    const char *file;
    char *directory; /* of the file */
    struct require require;
    const char *directories[DIRECTORIES_MAX];
    int passed, failed;
    double now_s;
};

static struct run *run_of(lua_State *lua)
{
    return sandbox_user(sandbox_of(lua));
}

/* ---- What the file finds --------------------------------------------------------------------- */

/* report(is_good, name, error) */
static int report_case(lua_State *lua)
{
    struct run *run = run_of(lua);
    bool is_good = lua_toboolean(lua, 1);
    const char *name = luaL_checkstring(lua, 2), *error = luaL_optstring(lua, 3, "");
    is_good ? run->passed++ : run->failed++;
    printf("%s %d - %s: %s\n", is_good ? "ok" : "not ok", run->passed + run->failed, run->file,
           name);
    if (!is_good)
        printf("#   %s\n", error);
    return 0;
}

static int print_line(lua_State *lua)
{
    int count = lua_gettop(lua);
    printf("#");
    for (int i = 1; i <= count; i++)
        printf(" %s", lua_isstring(lua, i)    ? lua_tostring(lua, i)
                      : lua_isboolean(lua, i) ? (lua_toboolean(lua, i) ? "true" : "false")
                                              : luaL_typename(lua, i));
    printf("\n");
    return 0;
}

static int get_now(lua_State *lua)
{
    lua_pushnumber(lua, run_of(lua)->now_s);
    return 1;
}

static int pass_time(lua_State *lua)
{
    run_of(lua)->now_s += luaL_checknumber(lua, 1);
    return 0;
}

static void set_function(lua_State *lua, const char *name, lua_CFunction function)
{
    lua_pushcfunction(lua, function);
    lua_setfield(lua, -2, name);
}

static void push_known_modules(lua_State *lua)
{
    struct run *run = run_of(lua);
    lua_newtable(lua);
    lua_newtable(lua); /* for libraries that are tested by themselves */
    set_function(lua, "now", get_now);
    lua_setfield(lua, -2, "relay");
    policy_push_functions(lua);
    set_function(lua, "report", report_case);
    set_function(lua, "pass", pass_time);
    lua_pushstring(lua, run->directory);
    lua_setfield(lua, -2, "directory");
    lua_setfield(lua, -2, "tester");
}

static int run_file(lua_State *lua)
{
    struct run *run = run_of(lua);
    lua_settop(lua, 0);
    sandbox_push_globals(lua);
    push_known_modules(lua);
    require_push(lua, &run->require);
    lua_setfield(lua, -2, "require");
    set_function(lua, "print", print_line);
    sandbox_push_file(lua, run->file);
    lua_call(lua, 0, 0);
    return 0;
}

/* ---- Files ----------------------------------------------------------------------------------- */

/* Returns how many tests have failed; a file that ends in an error counts as one. */
static int run_tests(const char *file, const struct run *usual)
{
    char error[SANDBOX_ERROR_BYTES];
    const char *slash = strrchr(file, '/');
    struct run run = *usual;
    struct sandbox *sandbox = sandbox_new(FILE_MEMORY_BYTES);
    run.file = file;
    run.directory = slash ? strndup(file, (size_t)(slash - file)) : strdup(".");
    run.directories[0] = run.directory;
    run.require.directories = run.directories;
    bool is_made = sandbox && run.directory;
    if (is_made)
        sandbox_set_user(sandbox, &run);
    snprintf(error, sizeof error, "out of memory");
    if (!is_made || sandbox_run(sandbox, FILE_BUDGET_NS, run_file, NULL, error) != SANDBOX_OK) {
        run.failed++;
        printf("not ok %d - %s\n#   %s\n", run.passed + run.failed, file, error);
    } else if (run.passed + run.failed == 0) {
        run.failed++;
        printf("not ok 1 - %s\n#   it has no tests\n", file);
    }
    sandbox_free(&sandbox);
    printf("# %s: %d passed, %d failed\n", file, run.passed, run.failed);
    free(run.directory);
    return run.failed;
}

static const char usage[] =
    "usage: moq-lua-test [--directory DIRECTORY]... FILE...\n"
    "\n"
    "Runs tests of scripts for moq-relay, without a relay. Each FILE is Lua, and begins with\n"
    "local test = require \"test\"; docs/lua.md says how to go on.\n"
    "\n"
    "  --directory DIRECTORY   where `require` looks, too, after the folder of the file\n"
    "  --help, --version\n"
    "\n"
    "Exit status: 0 all tests have passed, 1 some have failed, 2 it was called wrongly.\n";

/* False: the program is to end, with *status. */
static bool read_options(int argc, char *argv[], struct run *usual, int *status)
{
    static const struct option options[] = {{"directory", required_argument, NULL, 'd'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"version", no_argument, NULL, 'v'},
                                            {NULL, 0, NULL, 0}};
    usual->require.count = 1; /* the folder of the file */
    for (int option; (option = getopt_long(argc, argv, "d:h", options, NULL)) != -1;) {
        if (option == 'd' && usual->require.count < DIRECTORIES_MAX) {
            usual->directories[usual->require.count++] = optarg;
            continue;
        }
        if (option == 'v') {
            printf("moq-lua-test %s\n", MOQ_VERSION_TEXT);
            *status = EXIT_SUCCESS;
            return false;
        }
        *status = option == 'h' ? EXIT_SUCCESS : EXIT_USAGE;
        fputs(usage, option == 'h' ? stdout : stderr);
        return false;
    }
    if (optind < argc)
        return true;
    fputs(usage, stderr);
    *status = EXIT_USAGE;
    return false;
}

int main(int argc, char *argv[])
{
    struct run usual = {.file = NULL};
    int status, failed = 0;
    if (!read_options(argc, argv, &usual, &status))
        return status;
    for (int i = optind; i < argc; i++)
        failed += run_tests(argv[i], &usual);
    if (fflush(stdout) != 0)
        return EXIT_FAILURE;
    return failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
