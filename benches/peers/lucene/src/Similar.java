import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.lucene.analysis.Analyzer;
import org.apache.lucene.analysis.en.EnglishAnalyzer;
import org.apache.lucene.document.Document;
import org.apache.lucene.document.Field;
import org.apache.lucene.document.StringField;
import org.apache.lucene.document.TextField;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.IndexWriter;
import org.apache.lucene.index.IndexWriterConfig;
import org.apache.lucene.queries.mlt.MoreLikeThis;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.search.ScoreDoc;
import org.apache.lucene.search.TopDocs;
import org.apache.lucene.store.Directory;
import org.apache.lucene.store.FSDirectory;

/**
 * Lucene's MoreLikeThis for whole tickets, one thread.
 *
 * <p>Reads lines: {@code D<tab>id<tab>text} is a ticket, {@code Q<tab>text} a question. Writes for every
 * way to ask and every question {@code name<tab>microseconds<tab>ids}. The index is merged into one
 * segment. Every question is asked in several rounds; the quickest counts, which leaves out what
 * other programs take of the processor and what Java needs to become quick.
 */
public final class Similar {
  private static final String WHOLE = "whole";
  private static final int ROUNDS = 5;
  private static final int WANTED = 10;

  /** A way to ask. */
  private record Way(String name, int minTermFreq, int minDocFreq, int maxTerms) {}

  private static final List<Way> WAYS =
      List.of(
          new Way("as it is", 2, 5, 25), // the defaults of MoreLikeThis
          new Way("40 terms", 1, 2, 40)); // as many as Firstline asks for

  public static void main(String[] args) throws IOException {
    List<String> questions = new ArrayList<>();
    Analyzer analyzer = new EnglishAnalyzer();
    try (Directory folder = FSDirectory.open(Path.of(args[0]))) {
      index(folder, analyzer, questions);
      try (DirectoryReader reader = DirectoryReader.open(folder)) {
        for (Way way : WAYS) {
          ask(reader, analyzer, way, questions);
        }
      }
    }
  }

  private static void index(Directory folder, Analyzer analyzer, List<String> questions)
      throws IOException {
    IndexWriterConfig config = new IndexWriterConfig(analyzer).setRAMBufferSizeMB(256);
    var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    try (IndexWriter writer = new IndexWriter(folder, config)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        String[] parts = line.split("\t", 3);
        if (parts[0].equals("Q")) {
          questions.add(parts[1]);
          continue;
        }
        Document document = new Document();
        document.add(new StringField("id", parts[1], Field.Store.YES));
        document.add(new TextField(WHOLE, parts[2], Field.Store.NO));
        writer.addDocument(document);
      }
      writer.forceMerge(1);
    }
  }

  private static void ask(DirectoryReader reader, Analyzer analyzer, Way way, List<String> questions)
      throws IOException {
    IndexSearcher searcher = new IndexSearcher(reader);
    MoreLikeThis like = new MoreLikeThis(reader);
    like.setAnalyzer(analyzer);
    like.setFieldNames(new String[] {WHOLE});
    like.setMinTermFreq(way.minTermFreq());
    like.setMinDocFreq(way.minDocFreq());
    like.setMaxQueryTerms(way.maxTerms());
    long[] quickest = new long[questions.size()];
    Arrays.fill(quickest, Long.MAX_VALUE);
    TopDocs[] found = new TopDocs[questions.size()];
    for (int round = 0; round < ROUNDS; round++) {
      for (int at = 0; at < quickest.length; at++) {
        long started = System.nanoTime();
        var query = like.like(WHOLE, new StringReader(questions.get(at)));
        found[at] = searcher.search(query, WANTED);
        quickest[at] = Math.min(quickest[at], System.nanoTime() - started);
      }
    }
    for (int at = 0; at < quickest.length; at++) {
      List<String> ids = new ArrayList<>();
      for (ScoreDoc hit : found[at].scoreDocs) {
        ids.add(searcher.storedFields().document(hit.doc).get("id"));
      }
      System.out.println(
          way.name() + "\t" + quickest[at] / 1_000 + "\t" + String.join("\t", ids));
    }
  }
}
