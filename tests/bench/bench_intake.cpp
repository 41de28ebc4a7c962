// The parts of intake, one thread: strict parsing against plain Boost.JSON on the same bytes, checking, splitting,
// encoding, and whole requests through the service with a real store on disk.
//   bench_intake [--benchmark_filter=...]     (release build, quiet machine; LAKEFERRY_BENCH_DIR: where the store goes)
#include "net/obs/log.hpp"
#include "net/rt/task_group.hpp"
#include "sync/core/event_block.hpp"
#include "sync/core/json.hpp"
#include "sync/intake/checker.hpp"
#include "sync/intake/service.hpp"

#include <benchmark/benchmark.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/json/parse.hpp>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace {

using namespace lakeferry;
namespace asio = boost::asio;

// A made-up call of a shop, about 900 bytes.
std::string example_call(int n)
{
    const std::string id = std::to_string(1000000 + n);
    return R"({"type":"track","event":"Product Viewed","userId":"user-)" + id + R"(","anonymousId":"a1b2c3d4-e5f6-4a7b-8c9d-)" + id +
           R"(00000","messageId":"msg-)" + id + R"(-4f5e-9a8b-7c6d5e4f3a2b","timestamp":"2026-01-31T12:34:56.789Z",)"
           R"("properties":{"product_id":"sku-)" + id + R"(","name":"Trail running shoe, waterproof","category":"shoes",)"
           R"("price":129.95,"currency":"EUR","quantity":1,"position":3,"variant":"blue/43","brand":"Northwind",)"
           R"("in_stock":true,"tags":["outdoor","running","new"],"url":"https://shop.example/products/)" + id + R"("},)"
           R"("context":{"ip":"203.0.113.17","locale":"de-DE","timezone":"Europe/Berlin","userAgent":"Mozilla/5.0 )"
           R"((X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36",)"
           R"("page":{"path":"/products/shoe","referrer":"https://search.example/","title":"Trail running shoe"},)"
           R"("library":{"name":"analytics.js","version":"4.1.2"},"screen":{"width":1920,"height":1080,"density":2}}})";
}

std::string example_batch(int calls)
{
    std::string out = R"({"sentAt":"2026-01-31T12:34:57Z","batch":[)";
    for (int i = 0; i < calls; ++i) out.append(i ? "," : "").append(example_call(i));
    return out + "]}";
}

core::space_config example_space()
{
    core::space_config out;
    out.id = "bench";
    core::source_settings source;
    source.name = source.id = "web";
    source.write_key = "key";
    out.sources.push_back(source);
    return out;
}

void per_call(benchmark::State& state, std::size_t bytes, int calls)
{
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(bytes));
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * calls);
}

void plain_boost_parse(benchmark::State& state)
{
    const std::string body = example_batch(100);
    for (auto _ : state) benchmark::DoNotOptimize(boost::json::parse(body));
    per_call(state, body.size(), 100);
}
BENCHMARK(plain_boost_parse);

void strict_parse(benchmark::State& state)
{
    const std::string body = example_batch(100);
    core::json_reader reader(std::size_t{256} << 10);
    for (auto _ : state) benchmark::DoNotOptimize(reader.parse(body));
    per_call(state, body.size(), 100);
}
BENCHMARK(strict_parse);

void split_only(benchmark::State& state)
{
    const std::string body = example_batch(100);
    const std::string_view items = std::string_view(body).substr(body.find('['), body.rfind(']') - body.find('[') + 1);
    for (auto _ : state) {
        std::size_t bytes = 0;
        benchmark::DoNotOptimize(core::split_array(items, [&](std::string_view item) {
            bytes += item.size();
            return true;
        }));
        benchmark::DoNotOptimize(bytes);
    }
    per_call(state, body.size(), 100);
}
BENCHMARK(split_only);

void split_and_check(benchmark::State& state)
{
    const std::string body = example_batch(100);
    const std::string_view items = std::string_view(body).substr(body.find('['), body.rfind(']') - body.find('[') + 1);
    const auto space = example_space();
    const auto table = *intake::source_table::make({{1, &space}});
    intake::call_checker checker;
    intake::check_options options;
    options.table = table.get();
    options.fallback = table->find("key");
    options.now_us = 1'769'900'000'000'000;
    std::size_t passed = 0;
    for (auto _ : state) {
        (void)core::split_array(items, [&](std::string_view item) {
            passed += std::holds_alternative<intake::passed_call>(checker.check(item, options)) ? 1 : 0;
            return true;
        });
    }
    if (passed != static_cast<std::size_t>(state.iterations()) * 100) state.SkipWithError("a call was refused");
    per_call(state, body.size(), 100);
}
BENCHMARK(split_and_check);

void encode_block(benchmark::State& state)
{
    std::vector<std::string> texts;
    std::size_t bytes = 0;
    for (int i = 0; i < 100; ++i) bytes += texts.emplace_back(example_call(i)).size();
    core::event_block block;
    block.sources = {"web"};
    for (const auto& text : texts) block.calls.push_back({text, 0, 1'769'900'000'000'000});
    for (auto _ : state) benchmark::DoNotOptimize(core::encode_event_block(block));
    per_call(state, bytes, 100);
}
BENCHMARK(encode_block);

class silent_log final : public obs::log {
public:
    void write(obs::level, std::string_view event, std::string_view message, std::vector<obs::field>) override
    {
        std::fprintf(stderr, "%.*s: %.*s\n", static_cast<int>(event.size()), event.data(),
                     static_cast<int>(message.size()), message.data());
    }
};

// The service behind an imaginary connection: everything but the socket and the HTTP codec.
struct whole_intake {
    std::string directory = std::string(std::getenv("LAKEFERRY_BENCH_DIR") ? std::getenv("LAKEFERRY_BENCH_DIR") : "/tmp") +
                            "/lakeferry-bench-intake";
    asio::io_context io{1};
    asio::thread_pool workers{1};
    rt::steady_time time{io.get_executor()};
    rt::system_wall_clock calendar{};
    obs::metrics metrics{};
    silent_log log{};
    std::unique_ptr<store::store> db{};
    intake::sources sources{};
    std::unique_ptr<intake::acceptor> acceptor{};
    std::unique_ptr<intake::refusals> refusals{};
    std::unique_ptr<intake::intake_service> service{};

    whole_intake()
    {
        std::filesystem::remove_all(directory);
        auto opened = store::store::open({.directory = directory});
        if (opened.has_error()) std::fprintf(stderr, "%s\n", opened.error().detail.c_str()), std::exit(1);
        db = std::move(*opened);
        acceptor = std::make_unique<intake::acceptor>(io.get_executor(), workers.get_executor(), time, *db, metrics, log,
                                                      intake::acceptor_settings{}, nullptr);
        refusals = std::make_unique<intake::refusals>(metrics, 100, nullptr);
        service = std::make_unique<intake::intake_service>(sources, *acceptor, *refusals, time, calendar, log,
                                                           core::limits{});
        const auto space = example_space();
        sources.swap(*intake::source_table::make({{1, &space}}));
    }
    ~whole_intake()
    {
        db.reset();
        std::filesystem::remove_all(directory);
    }
    whole_intake(const whole_intake&) = delete;
    whole_intake& operator=(const whole_intake&) = delete;
};

rt::awaitable<void> client(whole_intake& w, const std::string& target, const std::string& body, int& left, int& failed)
{
    const http::headers fields{{"Content-Type", "application/json"},
                               {"Authorization", "Basic a2V5Og=="},
                               {"Content-Length", std::to_string(body.size())}};
    while (left-- > 0) {
        http::request_head head{"POST", target, &fields, body.size()};
        if (w.service->admit(head)) ++failed;
        http::request what{"POST", target, fields, body};
        const auto answer = co_await w.service->handle(std::move(what));
        if (answer.status != 200) ++failed;
    }
}

void requests(benchmark::State& state, const std::string& target, const std::string& body, int calls, int clients)
{
    whole_intake w;
    constexpr int per_round = 2000;
    int failed = 0;
    asio::co_spawn(w.io, [](whole_intake& in) -> rt::awaitable<void> {
        (void)co_await in.acceptor->add_space(1, "bench");
    }(w), [](std::exception_ptr) {});
    w.io.run();
    rt::task_group committer(w.io.get_executor(), nullptr);
    committer.spawn("committer", w.acceptor->run());
    for (auto _ : state) {
        int left = per_round;
        rt::task_group group(w.io.get_executor(), nullptr);
        for (int i = 0; i < clients; ++i) group.spawn("client", client(w, target, body, left, failed));
        bool done = false;
        asio::co_spawn(w.io, group.join(), [&](std::exception_ptr) {
            done = true;
            w.io.stop();
        });
        while (!done) {
            w.io.restart();
            w.io.run();
        }
    }
    committer.cancel();
    w.io.restart();
    asio::co_spawn(w.io, committer.join(), [](std::exception_ptr) {});
    w.io.run();
    if (failed != 0) state.SkipWithError("a request was refused");
    const auto n = static_cast<std::int64_t>(state.iterations()) * per_round;
    state.SetItemsProcessed(n * calls);
    state.SetBytesProcessed(n * static_cast<std::int64_t>(body.size()));
    state.counters["requests_a_commit"] =
        static_cast<double>(n) / w.metrics.value("lakeferry_intake_commits_total");
}

void durable_batches(benchmark::State& state) { requests(state, "/v1/batch", example_batch(100), 100, 16); }
BENCHMARK(durable_batches)->Unit(benchmark::kMillisecond)->UseRealTime();

void durable_single_calls(benchmark::State& state) { requests(state, "/v1/track", example_call(1), 1, 64); }
BENCHMARK(durable_single_calls)->Unit(benchmark::kMillisecond)->UseRealTime();

std::string first_line(const char* path, std::string_view begins)
{
    std::ifstream in(path);
    for (std::string line; std::getline(in, line);)
        if (line.starts_with(begins)) return line;
    return {};
}

}  // namespace

int main(int argc, char** argv)
{
    benchmark::Initialize(&argc, argv);
    std::printf("machine: %s\nload before: %s\ncall: %zu bytes; batch of 100: %zu bytes; store: RocksDB on disk, fdatasync\n"
                "baseline: plain_boost_parse (boost::json::parse of the same bytes in this run)\n",
                first_line("/proc/cpuinfo", "model name").c_str(), first_line("/proc/loadavg", "").c_str(),
                example_call(1).size(), example_batch(100).size());
    std::fflush(stdout);
    benchmark::RunSpecifiedBenchmarks();
    std::printf("peak memory: %s\n", first_line("/proc/self/status", "VmHWM").c_str());
    return 0;
}
