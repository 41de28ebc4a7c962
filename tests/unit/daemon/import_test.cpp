// The command's side of an import, against a daemon in a few lines.
#include "daemon/cli/import_run.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>
#include <zlib.h>

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace lakeferry::daemon {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

class Import : public testing::Test {
protected:
    void SetUp() override
    {
        std::string pattern = fs::temp_directory_path() / "lakeferry-import-XXXXXX";
        folder_ = ::mkdtemp(pattern.data());
    }
    void TearDown() override { fs::remove_all(folder_); }

    std::string write(const std::string& name, const std::string& text)
    {
        std::ofstream(folder_ / name, std::ios::binary) << text;
        return (folder_ / name).string();
    }
    std::string write_gzip(const std::string& name, const std::string& text)
    {
        const auto path = (folder_ / name).string();
        gzFile gz = ::gzopen(path.c_str(), "wb");
        ::gzwrite(gz, text.data(), static_cast<unsigned>(text.size()));
        ::gzclose(gz);
        return path;
    }

    // Lines that begin with "bad" are refused. What it accepted is in `got_`.
    rt::outcome<json::value> answer(const std::string& target, const std::string& body)
    {
        if (target.ends_with("/sync")) {
            ++syncs_;
            return json::value(json::object{});
        }
        ++calls_;
        if (calls_ >= fail_at_ && calls_ < fail_at_ + fail_times_) return failure_;
        if (target.ends_with("/begin")) {
            begun_ = json::parse(body).as_object();
            return json::value(position());
        }
        EXPECT_NE(target.find("offset=" + std::to_string(offset_)), std::string::npos) << target;
        const bool last = target.find("last=true") != std::string::npos;
        json::array refused;
        std::istringstream in(body);
        std::size_t dealt_with = 0;
        for (std::string line; refused.size() < 1000 && std::getline(in, line);) {
            dealt_with = std::min(body.size(), dealt_with + line.size() + 1);
            ++lines_;
            if (line.starts_with("bad") || line.starts_with("foreign")) {
                ++refused_;
                const char* reason = line.starts_with("bad") ? "bad_request" : "unknown_source";
                refused.push_back(json::object{{"line", lines_}, {"reason", reason}, {"field", ""}, {"message", "no JSON"}});
            } else {
                got_ += line + "\n";
                ++accepted_;
            }
        }
        offset_ += dealt_with;
        finished_ = last && dealt_with == body.size();
        return json::value(json::object{{"position", position()}, {"accepted", accepted_}, {"refused", refused_}, {"lines", refused}});
    }
    json::object position() const
    {
        return {{"import", "i1"}, {"offset", offset_}, {"lines", lines_}, {"accepted", accepted_}, {"refused", refused_}, {"finished", finished_}};
    }
    rt::outcome<import_summary> run(const std::string& file, rt::duration patience = std::chrono::seconds(30))
    {
        auto source = file_source::open(file);
        if (source.has_error()) return source.error();
        const import_door door{[this](const std::string& t, std::string b) { return answer(t, b); },
                               [this](rt::duration d) { now_ += d; }, [this] { return now_; }};
        const auto show = [this](const progress_numbers& n) {
            if (!n.waiting.empty()) waited_for_.push_back(progress_line(n, 0));
        };
        return run_import(door, {.space = "acme", .file = file}, **source, show, patience);
    }
    static std::string error_of(const std::string& path)
    {
        auto opened = file_source::open(path);
        return opened.has_error() ? opened.error().id : "opened";
    }
    std::string text_of(const std::string& path) const
    {
        std::ostringstream text;
        text << std::ifstream(path).rdbuf();
        return text.str();
    }

    fs::path folder_;
    std::uint64_t offset_ = 0, lines_ = 0, accepted_ = 0, refused_ = 0;
    bool finished_ = false;
    unsigned calls_ = 0, fail_at_ = 0, fail_times_ = 1, syncs_ = 0;
    std::vector<std::string> waited_for_{};
    rt::failure failure_{};
    json::object begun_{};
    std::string got_{};
    rt::time_point now_{};
};

std::string many_lines(int n)
{
    std::string text;
    for (int i = 0; i < n; ++i) text += "{\"line\":" + std::to_string(i) + ",\"filler\":\"" + std::string(100, 'x') + "\"}\n";
    return text;
}

TEST_F(Import, SendsEveryLineOnceInWholeLines)
{
    const auto text = many_lines(100'000);  // 13 MB: several pieces
    const auto done = run(write("week.ndjson", text));
    ASSERT_TRUE(done.has_value()) << done.error().detail;
    EXPECT_EQ(done->accepted, 100'000U);
    EXPECT_TRUE(got_ == text);
    EXPECT_FALSE(done->ends_inside_a_line);
    EXPECT_EQ(begun_["name"], "week.ndjson");
    EXPECT_EQ(begun_["bytes"], text.size());
}

TEST_F(Import, TakesGzipByItsFirstBytesWhateverItsName)
{
    const auto text = many_lines(50'000);
    ASSERT_TRUE(run(write_gzip("week.ndjson", text)).has_value());
    EXPECT_TRUE(got_ == text);
}

TEST_F(Import, GoesOnWhereItStopped)
{
    const auto text = many_lines(1000);
    for (const bool packed : {false, true}) {
        got_.clear();
        finished_ = false;
        lines_ = accepted_ = 400;
        offset_ = 0;
        for (int i = 0; i < 400; ++i) offset_ = text.find('\n', offset_) + 1;
        const auto rest = text.substr(offset_);
        const auto done = run(packed ? write_gzip("a.gz", text) : write("a", text));
        ASSERT_TRUE(done.has_value()) << done.error().detail;
        EXPECT_EQ(done->resumed_at, 400U);
        EXPECT_EQ(done->accepted, 1000U);
        EXPECT_TRUE(got_ == rest);
    }
}

TEST_F(Import, RefusedLinesGoToAFileWithNumberReasonAndText)
{
    const auto file = write("a.ndjson", "{\"a\":1}\nbad \"one\"\n{\"a\":2}\nbad two\n");
    const auto done = run(file);
    ASSERT_TRUE(done.has_value());
    EXPECT_EQ(done->rejected_file, file + ".rejected.ndjson");
    std::istringstream kept(text_of(done->rejected_file));
    std::string line;
    std::getline(kept, line);
    EXPECT_EQ(json::parse(line).at("line"), 2);
    EXPECT_EQ(json::parse(line).at("text"), "bad \"one\"");
    std::getline(kept, line);
    EXPECT_EQ(json::parse(line).at("line"), 4);
    EXPECT_EQ(json::parse(line).at("text"), "bad two");
    EXPECT_EQ(json::parse(line).at("reason"), "bad_request");
    EXPECT_FALSE(std::getline(kept, line));
}

TEST_F(Import, WhatIsWrittenAboutRefusedLinesIsUtf8WhateverTheyWere)
{
    const auto done = run(write("a.ndjson", "bad \xff\xfe line\n"));
    ASSERT_TRUE(done.has_value());
    EXPECT_EQ(json::parse(text_of(done->rejected_file)).at("text"), "bad \xEF\xBF\xBD\xEF\xBF\xBD line");
}

TEST_F(Import, AskedForAnImpossiblePlaceForRefusedLinesItSendsNothing)
{
    const auto file = write("a", "bad\n");
    auto source = file_source::open(file);
    const import_door door{[this](const std::string& t, std::string b) { return answer(t, b); }, [](rt::duration) {},
                           [this] { return now_; }};
    const auto done = run_import(door, {.space = "acme", .file = file, .rejected = "/nowhere/at/all"}, **source, {});
    ASSERT_TRUE(done.has_error());
    EXPECT_EQ(done.error().id, "file.unwritable");
    EXPECT_EQ(calls_, 0U);
}

TEST_F(Import, WithoutRefusedLinesThereIsNoFile)
{
    const auto file = write("a.ndjson", "{\"a\":1}\n");
    ASSERT_TRUE(run(file).has_value());
    EXPECT_FALSE(fs::exists(file + ".rejected.ndjson"));
}

TEST_F(Import, SaysWhenTheFileEndsInsideALine)
{
    const auto whole = run(write("a", "{\"a\":1}\n{\"a\":2}"));
    ASSERT_TRUE(whole.has_value());
    EXPECT_TRUE(whole->ends_inside_a_line);
    EXPECT_FALSE(whole->last_line_refused);
    offset_ = lines_ = accepted_ = 0;
    finished_ = false;
    const auto half = run(write("b", "{\"a\":1}\nbad {\"a\":"));
    ASSERT_TRUE(half.has_value());
    EXPECT_TRUE(half->ends_inside_a_line);
    EXPECT_TRUE(half->last_line_refused);
}

TEST_F(Import, AnEmptyFileIsImportedAtOnce)
{
    const auto done = run(write("empty", ""));
    ASSERT_TRUE(done.has_value()) << done.error().detail;
    EXPECT_EQ(done->accepted, 0U);
    EXPECT_TRUE(finished_);
}

TEST_F(Import, AFinishedOneIsLeftAlone)
{
    finished_ = true;
    const auto done = run(write("a", "{}\n"));
    ASSERT_TRUE(done.has_value());
    EXPECT_TRUE(done->was_finished);
    EXPECT_EQ(calls_, 1U);
}

TEST_F(Import, WaitsForADaemonThatIsBusy)
{
    fail_at_ = 2;
    failure_ = {.retry = rt::retry_class::throttled, .id = "intake.busy", .retry_after = std::chrono::seconds(5)};
    const auto done = run(write("a", "{}\n"));
    ASSERT_TRUE(done.has_value());
    EXPECT_EQ(now_ - rt::time_point{}, std::chrono::seconds(5));
    EXPECT_EQ(got_, "{}\n");
}

TEST_F(Import, WaitsAsLongAsRowsMustLandFirstAndAsksForThat)
{
    fail_at_ = 2;
    fail_times_ = 1000;
    failure_ = {.retry = rt::retry_class::transient, .id = "intake.backlog_full", .retry_after = std::chrono::seconds(5)};
    const auto done = run(write("a", "{}\n"));
    ASSERT_TRUE(done.has_value()) << done.error().detail;
    EXPECT_EQ(got_, "{}\n");
    EXPECT_EQ(now_ - rt::time_point{}, std::chrono::seconds(5000)) << "far beyond its patience with a daemon that is away";
    EXPECT_EQ(syncs_, 84U) << "once a minute";
    EXPECT_EQ(waited_for_.front(), "100 %  0 calls  waiting until rows have landed (limits.backlog_bytes_max)");
}

TEST_F(Import, WaitsForRoomOnTheDiskAndAsksForNothing)
{
    fail_at_ = 2;
    fail_times_ = 100;
    failure_ = {.retry = rt::retry_class::transient, .id = "intake.disk_full", .retry_after = std::chrono::seconds(5)};
    ASSERT_TRUE(run(write("a", "{}\n")).has_value());
    EXPECT_EQ(syncs_, 0U);
    EXPECT_NE(waited_for_.back().find("for room on the disk"), std::string::npos) << waited_for_.back();
}

TEST_F(Import, AFileOfAnotherSpaceIsNotReadToItsEnd)
{
    std::string text;
    for (int i = 0; i < 50'000; ++i) text += "foreign {\"filler\":\"" + std::string(100, 'x') + "\"}\n";
    const auto done = run(write("a", text));
    ASSERT_TRUE(done.has_error());
    EXPECT_EQ(done.error().id, "import.not_this_space");
    EXPECT_NE(done.error().detail.find("--source"), std::string::npos) << done.error().detail;
    EXPECT_EQ(calls_, 2U) << "its beginning, and no more";
}

TEST_F(Import, AFileWithSomeLinesOfAnotherSpaceIs)
{
    std::string text = "{}\n";
    for (int i = 0; i < 50'000; ++i) text += "foreign {\"filler\":\"" + std::string(100, 'x') + "\"}\n";
    const auto done = run(write("a", text));
    ASSERT_TRUE(done.has_value()) << done.error().detail;
    EXPECT_EQ(done->accepted, 1U);
    EXPECT_EQ(done->refused, 50'000U);
    const auto kept = text_of(done->rejected_file);
    EXPECT_EQ(std::count(kept.begin(), kept.end(), '\n'), 50'000) << "every one is kept, though few are told at a time";
}

TEST_F(Import, AShortFileOfAnotherSpaceSaysItByItsLines)
{
    const auto done = run(write("b", "foreign 1\nforeign 2\n"));
    ASSERT_TRUE(done.has_value()) << done.error().detail;
    EXPECT_EQ(done->refused, 2U);
}

TEST_F(Import, GivesUpOnADaemonThatStaysAway)
{
    fail_at_ = 1;
    failure_ = {.retry = rt::retry_class::transient, .id = "control.unreachable"};
    const auto done = run(write("a", "{}\n"), rt::duration::zero());
    ASSERT_TRUE(done.has_error());
    EXPECT_EQ(done.error().id, "control.unreachable");
}

TEST_F(Import, DoesNotRepeatWhatCannotHelp)
{
    fail_at_ = 1;
    failure_ = {.id = "import.no_source"};
    EXPECT_EQ(run(write("a", "{}\n")).error().id, "import.no_source");
    EXPECT_EQ(calls_, 1U);
}

TEST_F(Import, SaysPlainlyWhatIsWrongWithTheFile)
{
    EXPECT_EQ(error_of(folder_ / "nothing"), "file.not_found");
    EXPECT_EQ(error_of(folder_), "file.directory");
    EXPECT_EQ(error_of(write("plain.gz", "{}\n")), "file.not_gzip");
}

TEST_F(Import, DamagedGzipKeepsWhatCameBefore)
{
    const auto path = write_gzip("a.gz", many_lines(200'000));
    fs::resize_file(path, fs::file_size(path) / 2);
    const auto done = run(path);
    ASSERT_TRUE(done.has_error());
    EXPECT_EQ(done.error().id, "file.damaged");
    EXPECT_GT(accepted_, 0U);
}

TEST_F(Import, OneContentHasOneFingerprintAndAnotherHasAnother)
{
    const auto of = [](const std::string& path) { return (*file_source::open(path))->fingerprint(); };
    EXPECT_EQ(of(write("a", "one\n")), of(write("b", "one\n")));
    EXPECT_NE(of(write("a", "one\n")), of(write("b", "two\n")));
}

TEST_F(Import, ReadsStandardInputOnceAndWhole)
{
    const auto text = many_lines(30'000);  // beyond the MiB that the fingerprint reads ahead
    const auto path = write("a", text);
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const int saved = ::dup(0);
    const pid_t child = ::fork();
    if (child == 0) {
        ::dup2(ends[1], 1);
        ::close(ends[0]);
        ::execl("/bin/cat", "cat", path.c_str(), nullptr);
        ::_exit(1);
    }
    ::close(ends[1]);
    ::dup2(ends[0], 0);
    ::close(ends[0]);
    const auto done = run("-");
    ::dup2(saved, 0);
    ::close(saved);
    ASSERT_TRUE(done.has_value()) << done.error().detail;
    EXPECT_TRUE(got_ == text);
}

}  // namespace
}  // namespace lakeferry::daemon
