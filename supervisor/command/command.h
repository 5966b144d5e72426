/* SPDX-License-Identifier: MIT */
/*
 * command.h - the commands of the program, and the functions that they share
 *
 * Every command receives the kinds of its program and its arguments, from its own name on, and
 * returns an exit code. Results go to stdout, everything else to stderr.
 */
#ifndef BULKHEAD_SUPERVISOR_COMMAND_COMMAND_H
#define BULKHEAD_SUPERVISOR_COMMAND_COMMAND_H

#include "common/buf.h"
#include "common/log.h"
#include "supervisor/command/command_options.h"
#include "supervisor/run/exit_codes.h"
#include "supervisor/run/start.h"
#include "supervisor/run/topology_source.h"
#include "topology/graph.h"
#include "topology/settings.h"

/*
 * The main function of a program with these kinds: runs the command that the arguments name, or a
 * stage process. Returns the exit code.
 */
int command_main(int argc, char **argv, kind_registry kinds);

int command_run(kind_registry kinds, int argc, char **argv);
int command_plan(kind_registry kinds, int argc, char **argv);
int command_check(kind_registry kinds, int argc, char **argv);
int command_chaos(kind_registry kinds, int argc, char **argv);
int command_kinds(kind_registry kinds, int argc, char **argv);
int command_types(kind_registry kinds, int argc, char **argv);
int command_journal(kind_registry kinds, int argc, char **argv);
int command_graph(kind_registry kinds, int argc, char **argv);
int command_status(kind_registry kinds, int argc, char **argv);
int command_kill(kind_registry kinds, int argc, char **argv);
int command_stop(kind_registry kinds, int argc, char **argv);
int command_completion(kind_registry kinds, int argc, char **argv);

/* The command lines of the commands. */
extern const struct command_syntax command_run_syntax, command_check_syntax, command_plan_syntax,
    command_chaos_syntax, command_kinds_syntax, command_types_syntax, command_journal_syntax,
    command_graph_syntax, command_status_syntax, command_kill_syntax, command_stop_syntax,
    command_completion_syntax;

/* Appends the fields of `status --json` and their meanings, for the help of `status`. */
void command_status_fields(struct buf *out);

/*
 * Sends a request to the supervisor that works in state_path, or if that is NULL to the only one
 * under the default directory, and appends its answer. Returns false, and logs nothing, if there is
 * no such supervisor or it answers with an error.
 */
bool command_ask_quietly(const char *state_path, const char *request, struct buf *ret_answer);

/*
 * Prints the candidates for one word of a command line, for the scripts of a shell: argv[1] is
 * COMPLETION_ARGUMENT, argv[2] the number of the word, the rest the words. Returns EXIT_OK, or
 * EXIT_USAGE if it was not called like that.
 */
int command_complete(kind_registry kinds, const struct command_syntax *const *commands, int argc,
                     char **argv);

/*
 * Adds the value of a --set to the settings. Returns EXIT_OK, or EXIT_USAGE after logging the
 * error.
 */
int command_add_setting(struct settings *settings, const char *text);

/* Adds a --discard. Returns EXIT_OK, or EXIT_USAGE after logging the error. */
int command_add_discard(struct start_options *options, const char *stage);

/* The exit code for what start_prepare() or start_examine() returned. */
int command_start_code(int rc);

/* Logs each line of a buffer, and frees it. */
void command_log_lines(enum log_level level, struct buf *lines);

/*
 * Reads and checks a topology file with the settings of the command line, and prints its errors to
 * stderr.
 * Ownership: the caller frees *ret_topology, and in any case *ret_source with
 *            topology_source_done().
 * Returns:   EXIT_OK or EXIT_INVALID.
 */
int command_load_topology(kind_registry kinds, const char *file, const struct settings *settings,
                          enum topology_form form, struct topology_source *ret_source,
                          struct topology **ret_topology);

/*
 * The same, and also checks that nothing else uses the files that stages write (stage_files.h) and
 * that the programs of all kinds exist (stage_program.h).
 */
int command_check_topology(kind_registry kinds, const char *file, const struct settings *settings,
                           enum topology_form form, struct topology_source *ret_source,
                           struct topology **ret_topology);

/*
 * Checks that nothing else uses the files that stages write and that the programs of all kinds
 * exist, and logs the errors.
 *   state_path   NULL: the default state directory
 * Returns:   EXIT_OK or EXIT_REFUSED.
 */
int command_check_files(const struct topology *topology, const struct topology_source *source,
                        const char *state_path);

/* What a preflight is for. */
enum preflight { PREFLIGHT_RUN, PREFLIGHT_INLINE, PREFLIGHT_PLAN };

/*
 * Logs all errors that can be found before a start, at once: the files and programs of all stages,
 * and what their kinds find. Returns EXIT_OK or EXIT_REFUSED.
 */
int command_preflight(const struct topology *topology, const struct topology_source *source,
                      const char *state_path, enum preflight purpose);

/* Writes a whole buffer to a descriptor, however long that takes. Returns 0 or ERR_IO. */
int command_write(int fd, const struct buf *out, struct err *e);

/* Writes a whole buffer to stdout. Returns code, or EXIT_FAILED if that is not possible. */
int command_print(const struct buf *out, int code);

#endif
