package site;

import com.google.inject.AbstractModule;
import com.google.inject.Singleton;
import com.google.inject.util.Modules;
import eu.unicore.xnjs.ems.Action;
import eu.unicore.xnjs.ems.ExecutionException;
import eu.unicore.xnjs.tsi.BasicExecution;
import eu.unicore.xnjs.tsi.IExecution;
import eu.unicore.xnjs.tsi.IExecutionSystemInformation;
import eu.unicore.xnjs.tsi.local.LocalExecution;
import eu.unicore.xnjs.tsi.local.LocalTSIModule;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.TimeUnit;

/**
 * UNICORE/X's embedded TSI, whose abort only forgets a job, made to end it: the job's shell gets SIGTERM, and the shell
 * (jobshell.py) ends the job's whole process tree before it ends itself.
 */
public class EndingModule extends AbstractModule {

  private static final long PATIENCE_SECONDS = 10;

  private final Properties properties;

  public EndingModule(Properties properties) {
    this.properties = properties;
  }

  @Override
  protected void configure() {
    install(Modules.override(new LocalTSIModule(properties)).with(new AbstractModule() {
      @Override
      protected void configure() {
        bind(IExecution.class).to(EndingExecution.class);
        bind(IExecutionSystemInformation.class).to(EndingExecution.class);
      }
    }));
  }

  @Singleton
  public static class EndingExecution extends BasicExecution {

    @Override
    public void abort(Action job) throws ExecutionException {
      Process shell = shellOf(job.getUUID());
      if (shell != null) {
        shell.destroy();
        try {
          shell.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException interrupted) {
          Thread.currentThread().interrupt();
        }
      }
      super.abort(job);
    }

    /** LocalExecution keeps the processes to itself. */
    private static Process shellOf(String job) throws ExecutionException {
      try {
        var field = LocalExecution.class.getDeclaredField("processes");
        field.setAccessible(true);
        return (Process) ((Map<?, ?>) field.get(null)).get(job);
      } catch (ReflectiveOperationException missing) {
        throw new ExecutionException(missing);
      }
    }
  }
}
