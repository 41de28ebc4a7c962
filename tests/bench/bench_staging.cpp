// Staging: rows out of the outbox into Parquet files, one thread, against the same rows as gzip NDJSON without any
// reading (plain zlib, level 5) in the same run.
//   bench_staging [--benchmark_filter=...]     (release build, quiet machine; LAKEFERRY_BENCH_DIR: where the store goes)
#include "sync/core/outbox_block.hpp"
#include "sync/profiles/staging.hpp"

#include <benchmark/benchmark.h>

#include <sys/resource.h>
#include <zlib.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace {

using namespace lakeferry;

constexpr std::uint32_t space = 1;
constexpr std::uint64_t batches = 200;
constexpr unsigned rows_in_batch = 2000;

core::table events()
{
    core::table t{.name = "product_viewed", .number = 100};
    for (const char* name : {"id", "user_id", "anonymous_id", "received_at", "timestamp", "segment_id", "event",
                             "event_text", "context_ip", "context_user_agent", "context_page_path", "name", "price",
                             "currency", "quantity", "url"})
        t.columns.push_back({name});
    return t;
}

std::string row(std::uint64_t n)
{
    const std::string id = std::to_string(n * 2654435761U % 1000000007U);
    return R"({"id":"msg-)" + id + R"(-4f5e-9a8b-7c6d5e4f3a2b","user_id":"user-)" + id +
           R"(","anonymous_id":"a1b2c3d4-e5f6-4a7b-8c9d-)" + id + R"(","received_at":"2026-01-31T12:34:56.789000Z",)"
           R"("timestamp":"2026-01-31T12:34:55.123000Z","segment_id":"use_)" + id + id + R"(","event":"product_viewed",)"
           R"("event_text":"Product Viewed","context_ip":"203.0.113.17","context_user_agent":"Mozilla/5.0 (X11; Linux )"
           R"(x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0","context_page_path":"/products/)" + id +
           R"(","name":"Trail running shoe","price":129.95,"currency":"EUR","quantity":)" + std::to_string(n % 7) +
           R"(,"url":"https://shop.example/products/)" + id + R"("})" "\n";
}

std::string lines_of(std::uint64_t batch)
{
    std::string out;
    for (unsigned i = 0; i < rows_in_batch; ++i) out += row(batch * rows_in_batch + i);
    return out;
}

// One store for all runs of the process.
store::store& filled_store()
{
    static const auto made = [] {
        const char* where = std::getenv("LAKEFERRY_BENCH_DIR");  // NOLINT(concurrency-mt-unsafe): one thread
        const auto directory = std::filesystem::path(where == nullptr ? "/tmp" : where) / "lakeferry-bench-staging";
        std::filesystem::remove_all(directory);
        store::store_options options;
        options.directory = directory.string();
        auto opened = store::store::open(options).value();
        for (std::uint64_t batch = 1; batch <= batches; ++batch) {
            store::batch changes;
            changes.put(store::family::outbox, core::outbox_key(space, events().number, batch),
                        core::encode_outbox_block({.rows = rows_in_batch, .lines = lines_of(batch)}));
            opened->write(std::move(changes), store::durable::no).value();
        }
        return opened;
    }();
    return *made;
}

void plain_zlib(benchmark::State& state)
{
    const std::string lines = lines_of(1);
    std::string out(::compressBound(lines.size()), '\0');
    for (auto _ : state) {
        uLongf size = out.size();
        ::compress2(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(lines.data()), lines.size(), 5);
        benchmark::DoNotOptimize(size);
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(lines.size()));
    uLongf size = out.size();
    ::compress2(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(lines.data()), lines.size(), 5);
    state.counters["files_MiB"] = static_cast<double>(size) * batches / (1024.0 * 1024.0);
}
BENCHMARK(plain_zlib);

void stage_append_table(benchmark::State& state)
{
    auto& from = filled_store();
    std::uint64_t bytes = 0;
    std::uint64_t rows = 0;
    std::uint64_t written = 0;
    for (auto _ : state) {
        profiles::append_stager stager(
            profiles::slice_reader(from, space, events(), batches, std::size_t{1} << 40U), std::size_t{16} << 20U);
        while (auto file = stager.next().value()) {
            rows += file->rows;
            written += file->parquet.size();
        }
        bytes += stager.facts().bytes;
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
    state.SetItemsProcessed(static_cast<std::int64_t>(rows));
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    state.counters["peak_MiB"] = static_cast<double>(usage.ru_maxrss) / 1024.0;
    state.counters["files_MiB"] = static_cast<double>(written / static_cast<std::uint64_t>(state.iterations())) / (1024.0 * 1024.0);
    state.counters["table_MiB"] = static_cast<double>(bytes / static_cast<std::uint64_t>(state.iterations())) / (1024.0 * 1024.0);
}
BENCHMARK(stage_append_table)->Unit(benchmark::kMillisecond);

}  // namespace

int main(int argc, char** argv)
{
    benchmark::Initialize(&argc, argv);
    std::printf("Staging of %llu batches of %u rows, files of 16 MiB, one thread, store on disk; baseline: zlib, level 5.\n",
                static_cast<unsigned long long>(batches), rows_in_batch);
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
}
