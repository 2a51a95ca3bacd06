// The `sluice` command.
#include <cstdio>
#include <exception>

#include "cli/serve_command.h"

namespace {

constexpr int failed_status = 1;
constexpr int bad_words_status = 2;

int run(int argc, char** argv) {
    CLI::App program(
        "Moves bytes between disk, memory and network with as few copies as the kernel allows.",
        "sluice");
    program.set_version_flag("--version", "sluice " SLUICE_VERSION);
    program.require_subcommand(1);
    sluice::cli::serve_command serve(program);
    try {
        program.parse(argc, argv);
    } catch (const CLI::ParseError& refused) {
        return program.exit(refused) == 0 ? 0 : bad_words_status;
    }
    return serve.run();
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception& failed) {
        std::fprintf(stderr, "sluice: %s\n", failed.what());
        return failed_status;
    }
}
