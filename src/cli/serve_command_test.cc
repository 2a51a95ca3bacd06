#include "cli/serve_command.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "cli/option_table.h"
#include "support/temporary_file.h"

namespace sluice::cli {
namespace {

// What the command ends with for words that cannot be served with; it must not get as far as
// serving.
struct ended {
    int status = 0;
    std::string said;
};

ended run(std::vector<std::string> words) {
    CLI::App program("test");
    serve_command serve(program);
    words.insert(words.begin(), "serve");
    std::reverse(words.begin(), words.end());  // as CLI11 wants them
    ended made;
    testing::internal::CaptureStderr();
    try {
        program.parse(words);
        made.status = serve.run();
    } catch (const CLI::ParseError& refused) {
        made.status = 100 + refused.get_exit_code();
    }
    made.said = testing::internal::GetCapturedStderr();
    return made;
}

TEST(ServeCommand, HelpHasEveryOption) {
    CLI::App program("test");
    serve_command serve(program);
    auto help = program.get_subcommand("serve")->help();
    for (const auto& each : option_table()) {
        EXPECT_NE(help.find(each.flag_name()), std::string::npos) << each.flag_name();
        if (!each.alias.empty()) {
            EXPECT_NE(help.find(std::string(each.alias)), std::string::npos) << each.alias;
        }
    }
}

TEST(ServeCommand, BadWordsAre2AndFailuresAre1) {
    support::temporary_directory folder;
    struct row {
        std::vector<std::string> words;
        int status;
        const char* says;
    };
    for (const auto& [words, status, says] :
         {row{{}, 2, "--root"}, row{{"--listing"}, 2, "--root"},
          row{{"--root", folder.path(), "--threads", "0"}, 2, "--threads"},
          row{{"--root", folder.path(), "--error-page", "x"}, 2, "--error-pages"},
          row{{"--root", folder.path(), "--listing=maybe"}, 2, "--listing"},
          row{{"--root", folder.path() + "/nothing"}, 1, "nothing"},
          row{{"--root", folder.path(), "--http", "nonsense"}, 2, "nonsense"},
          row{{"--config", folder.path() + "/nothing.toml"}, 1, "nothing.toml"}}) {
        auto made = run(words);
        EXPECT_EQ(made.status, status) << says << ": " << made.said;
        EXPECT_NE(made.said.find(says), std::string::npos) << made.said;
        EXPECT_EQ(std::ranges::count(made.said, '\n'), 1) << made.said;
    }
}

TEST(ServeCommand, UnknownWordsAreRefused) {
    EXPECT_GE(run({"--nonsense"}).status, 100);
    EXPECT_GE(run({"--root"}).status, 100);
    EXPECT_GE(run({"extra"}).status, 100);
}

}  // namespace
}  // namespace sluice::cli
