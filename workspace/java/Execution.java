package lakeferry.workspace;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.plans.logical.CommandResult;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.classic.Dataset;
import org.apache.spark.sql.classic.ExpressionUtils;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.QueryExecution;
import org.apache.spark.sql.execution.SQLExecution;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.*;
import scala.Option;
import scala.jdk.javaapi.CollectionConverters;

/**
 * One statement and its result in the form of the API. PySpark would take a round trip for every column and argument, plan a query three times to
 * project it, and pickle its rows; for a small statement that is a third of its time.
 */
public final class Execution {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int LARGE = 1 << 20;
  private final Dataset<?> frame;

  private Execution(Dataset<?> frame) { this.frame = frame; }

  /** Runs it, if it is a command. `arguments`: a JSON object of texts and nulls, or null. */
  @SuppressWarnings("unchecked")
  public static Execution of(SparkSession session, String text, String arguments) throws IOException {
    return new Execution(arguments == null ? session.sql(text) : session.sql(text, JSON.readValue(arguments, Map.class)));
  }

  public Dataset<?> frame() { return frame; }

  public String schema() { return frame.schema().json(); }

  /**
   * Runs it, if it is a query. A JSON array of rows, each an array of texts and nulls: at most `limit` (0: all). Where they are many they go
   * into `file`, and the answer is null.
   */
  public String rows(int limit, String file) throws IOException {
    QueryExecution query = frame.queryExecution();
    if (query.commandExecuted() instanceof CommandResult && plain(query.commandExecuted())) {
      CommandResult done = (CommandResult) query.commandExecuted();
      return written(CollectionConverters.asJava(done.rows()).toArray(new InternalRow[0]), limit, CollectionConverters.asJava(done.output()), file);
    }
    Dataset<?> cells = cells();
    QueryExecution wanted = (limit > 0 ? cells.limit(limit) : cells).queryExecution();
    InternalRow[] found = SQLExecution.withNewExecutionId(wanted, Option.apply("collect"), () -> wanted.executedPlan().executeCollect());
    return written(found, limit, CollectionConverters.asJava(wanted.analyzed().output()), file);
  }

  private static boolean plain(LogicalPlan plan) {
    return CollectionConverters.asJava(plan.output()).stream().map(Attribute::dataType).allMatch(
        t -> t instanceof StringType || t instanceof LongType || t instanceof IntegerType || t instanceof BooleanType);
  }

  /** Cells as JSON_ARRAY has them: timestamps with milliseconds and the zone, binary as base64, what is nested as JSON, the rest as Spark casts it. */
  private Dataset<?> cells() {
    List<Attribute> output = CollectionConverters.asJava(frame.queryExecution().analyzed().output());
    Column[] cells = new Column[output.size()];
    for (int i = 0; i < cells.length; i++) cells[i] = cell(ExpressionUtils.column(output.get(i)), output.get(i).dataType()).as("c" + i);
    return frame.select(CollectionConverters.asScala(List.of(cells)).toSeq());
  }

  private static Column cell(Column c, DataType type) {
    if (type instanceof TimestampType) return functions.date_format(c, "yyyy-MM-dd'T'HH:mm:ss.SSSXXX");
    if (type instanceof TimestampNTZType) return functions.date_format(c, "yyyy-MM-dd'T'HH:mm:ss.SSS");
    if (type instanceof BinaryType) return functions.base64(c);
    boolean nested = type instanceof ArrayType || type instanceof MapType || type instanceof StructType || type instanceof VariantType;
    return nested ? functions.to_json(c) : c.cast("string");
  }

  private static String written(InternalRow[] rows, int limit, List<Attribute> output, String file) throws IOException {
    DataType[] types = output.stream().map(Attribute::dataType).toArray(DataType[]::new);
    int count = limit > 0 ? Math.min(limit, rows.length) : rows.length;
    Spill out = new Spill(file);
    try (JsonGenerator json = JSON.getFactory().createGenerator(out)) {
      json.writeStartArray();
      for (int n = 0; n < count; n++) {
        json.writeStartArray();
        for (int i = 0; i < types.length; i++) cell(json, rows[n], i, types[i]);
        json.writeEndArray();
      }
      json.writeEndArray();
    }
    return out.text();
  }

  private static void cell(JsonGenerator json, InternalRow row, int i, DataType type) throws IOException {
    if (row.isNullAt(i)) json.writeNull();
    else if (type instanceof StringType) json.writeString(row.getUTF8String(i).toString());
    else json.writeString(String.valueOf(row.get(i, type)));
  }

  /** Keeps what is small in memory and writes the rest to a file. */
  private static final class Spill extends OutputStream {
    private final String file;
    private OutputStream out = new ByteArrayOutputStream();

    Spill(String file) { this.file = file; }

    @Override
    public void write(int b) throws IOException { write(new byte[] {(byte) b}, 0, 1); }

    @Override
    public void write(byte[] bytes, int from, int length) throws IOException {
      if (out instanceof ByteArrayOutputStream && ((ByteArrayOutputStream) out).size() + length > LARGE) {
        byte[] before = ((ByteArrayOutputStream) out).toByteArray();
        out = new java.io.BufferedOutputStream(Files.newOutputStream(new File(file).toPath()));
        out.write(before);
      }
      out.write(bytes, from, length);
    }

    @Override
    public void close() throws IOException { out.close(); }

    String text() {
      return out instanceof ByteArrayOutputStream ? ((ByteArrayOutputStream) out).toString(StandardCharsets.UTF_8) : null;
    }
  }
}
